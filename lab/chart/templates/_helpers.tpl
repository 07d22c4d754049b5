{{- define "fullname" -}}
{{- .Values.fullnameOverride | default .Release.Name -}}
{{- end -}}

{{/* Labels by which pods are selected; takes a dict of root and component. */}}
{{- define "selector" -}}
app.kubernetes.io/name: tempo
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "labels" -}}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
{{ include "selector" . }}
{{- end -}}

{{/* Each cache that is deployed: the key of its values, by its component. */}}
{{- define "caches" -}}
{{- if .Values.memcached.enabled }}
memcached: memcached
{{- end }}
{{- if .Values.memcachedBloom.enabled }}
memcached-bloom: memcachedBloom
{{- end }}
{{- end -}}

{{/* The Service of a cache is headless since 2.17.10, and since then the StatefulSet has
its name. Kubernetes changes neither. */}}
{{- define "headlessCache" -}}
{{- if semverCompare ">=2.17.10" .Chart.Version }}true{{ end -}}
{{- end -}}

{{/* Each service: the key of its values, by the name of its objects. */}}
{{- define "services" -}}
distributor: distributor
ingester: ingester
compactor: compactor
querier: querier
query-frontend: queryFrontend
{{- if .Values.metricsGenerator.enabled }}
metrics-generator: metricsGenerator
{{- end }}
{{- end -}}
