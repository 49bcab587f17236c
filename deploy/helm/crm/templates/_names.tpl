{{/* The name of what belongs to a process: `crm-contacts-relay` of the release `crm`. */}}
{{- define "crm.name" -}}
{{- if gt (len .root.Release.Name) 36 }}
{{- fail "The release's name may have at most 36 characters: those of its Services begin with it." }}
{{- end }}
{{- printf "%s-%s-%s" .root.Release.Name .service .process }}
{{- end }}

{{/* What pods are selected by. */}}
{{- define "crm.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .service }}-{{ .process }}
{{- end }}

{{/* The labels of a process's objects. */}}
{{- define "crm.labels" -}}
{{ include "crm.selector" . }}
crm/service: {{ .service }}
crm/process: {{ .process }}
{{ include "crm.origin" .root }}
{{- end }}

{{/* The labels of what belongs to no single process. */}}
{{- define "crm.commonLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{ include "crm.origin" . }}
{{- end }}

{{- define "crm.origin" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: {{ .Chart.Name }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* The variable's name of a setting of a service: CRM_SERVICE_DESK_TIME_ZONE. */}}
{{- define "crm.variable" -}}
{{ printf "CRM_%s_%s" (.service | replace "-" "_" | upper) (.setting | snakecase | upper) }}
{{- end }}

{{/* The image of a service. A digest wins over the tag. */}}
{{- define "crm.image" -}}
{{- $image := .root.Values.image -}}
{{- $digest := (index .root.Values.services .service).digest -}}
{{- $name := printf "%scrm-%s" $image.registry .service -}}
{{- if $digest }}{{ $name }}@{{ $digest }}{{ else }}{{ $name }}:{{ $image.tag | default .root.Chart.AppVersion }}{{ end }}
{{- end }}
