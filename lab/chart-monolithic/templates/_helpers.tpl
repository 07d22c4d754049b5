{{- define "name" -}}
{{- .Values.nameOverride | default .Chart.Name -}}
{{- end -}}

{{- define "fullname" -}}
{{- .Values.fullnameOverride | default .Release.Name -}}
{{- end -}}

{{- define "selector" -}}
app.kubernetes.io/name: {{ include "name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "labels" -}}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Values.tempo.tag | default .Chart.AppVersion | quote }}
{{ include "selector" . }}
{{- end -}}
