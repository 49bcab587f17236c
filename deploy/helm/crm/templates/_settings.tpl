{{/* The settings of a service that are no secrets and the same for all of its processes. */}}
{{- define "crm.config" -}}
{{- $service := .service }}
{{- $own := (index .root.Values.services $service).config | default dict }}
{{- range $setting, $value := mergeOverwrite (deepCopy .root.Values.config) $own }}
{{- if $value }}
{{ include "crm.variable" (dict "service" $service "setting" $setting) }}: {{ kindIs "slice" $value | ternary (join "," $value) $value | toString | quote }}
{{- end }}
{{- end }}
{{- with .root.Values.tracing.endpoint }}
OTEL_EXPORTER_OTLP_ENDPOINT: {{ . | quote }}
OTEL_TRACES_SAMPLER: parentbased_traceidratio
OTEL_TRACES_SAMPLER_ARG: {{ $.root.Values.tracing.ratio | quote }}
{{- end }}
{{- end }}

{{/* What a process is told: its service's ConfigMap, and what is its own. */}}
{{- define "crm.environment" -}}
{{- $root := .root -}}
{{- $service := .service -}}
{{- $ports := .root.Values.ports -}}
envFrom:
  - configMapRef:
      name: {{ .root.Release.Name }}-{{ .service }}
env:
  {{- with .facts.drain }}
  {{- include "crm.env" (list $ "metricsAddress" (printf "0.0.0.0:%v" $ports.metrics)) }}
  {{- end }}
  {{- range .facts.serves }}
  {{- include "crm.env" (list $ (printf "%sAddress" .) (printf "0.0.0.0:%v" (index $ports .))) }}
  {{- end }}
  {{- with .facts.calls }}
  {{- $peers := list }}
  {{- range . }}
  {{- $peers = append $peers (printf "%s=%s:%v" . (include "crm.name" (dict "root" $root "service" . "process" "api")) $ports.grpc) }}
  {{- end }}
  {{- include "crm.env" (list $ "peers" (join "," $peers)) }}
  {{- end }}
  {{- if .facts.watches }}
  {{- include "crm.env" (list $ "metricsUrls" (include "crm.metricsUrls" $root)) }}
  {{- end }}
  {{- range include "crm.secretFiles" . | fromYamlArray }}
  {{- include "crm.env" (list $ .setting (printf "%s/%s" (include "crm.secretsFolder" $) .path)) }}
  {{- end }}
  {{- with .extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "crm.env" }}
  - name: {{ include "crm.variable" (dict "service" (index . 0).service "setting" (index . 1)) }}
    value: {{ index . 2 | quote }}
{{- end }}

{{/* Where each process tells of itself. */}}
{{- define "crm.metricsUrls" -}}
{{- $urls := list }}
{{- range $service, $processes := include "crm.matrix" . | fromYaml }}
{{- range $process, $_ := omit $processes "migrate" }}
{{- $host := include "crm.name" (dict "root" $ "service" $service "process" $process) }}
{{- $urls = append $urls (printf "%s/%s=http://%s:%v/metrics" $service $process $host $.Values.ports.metrics) }}
{{- end }}
{{- end }}
{{- join "," $urls }}
{{- end }}
