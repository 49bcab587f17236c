{{/*
Renders the template that `.template` names for every process of files/matrix.yaml. It is given
root, service, process, facts (the matrix) and values (the process's own upon those of its kind).
*/}}
{{- define "crm.eachProcess" -}}
{{- $template := .template }}
{{- $root := .root }}
{{- range $service, $processes := include "crm.matrix" $root | fromYaml }}
{{- range $process, $facts := omit $processes "migrate" }}
{{- $own := index $root.Values.services $service $process | default dict }}
{{- $values := mergeOverwrite (deepCopy (index $root.Values.processes $process)) $own }}
{{- with include $template (dict "root" $root "service" $service "process" $process "facts" $facts "values" $values) | trim }}
---
{{ . }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "crm.matrix" -}}
{{ .Files.Get "files/matrix.yaml" }}
{{- end }}

{{/* How many pods there are at least: the autoscaler's business, where there is one. */}}
{{- define "crm.fewest" -}}
{{ eq .values.autoscaling.type "none" | ternary .values.replicas .values.autoscaling.minReplicas }}
{{- end }}

{{/* Seconds between the end of readiness and SIGTERM: only who is called has to wait for callers. */}}
{{- define "crm.preStop" -}}
{{ empty .facts.serves | ternary 0 .root.Values.termination.preStopSeconds }}
{{- end }}

{{- define "crm.gracePeriod" -}}
{{ add (include "crm.preStop" . | int) .facts.drain .root.Values.termination.marginSeconds }}
{{- end }}
