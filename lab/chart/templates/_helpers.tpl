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
