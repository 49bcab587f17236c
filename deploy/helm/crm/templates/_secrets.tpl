{{- define "crm.secretsFolder" -}}
/run/secrets/crm
{{- end }}

{{/*
The secrets that a process needs, and no others: the setting that is told the file, the file's
name, and the Secret and key it comes from.
*/}}
{{- define "crm.secretFiles" -}}
{{- $secrets := .root.Values.secrets }}
{{- $needs := .facts.needs | default list }}
{{- $files := list }}
{{- if has "mongodb" $needs }}
{{- $files = append $files (dict "setting" "mongodbUriFile" "from" "mongodb" "path" "mongodb-uri") }}
{{- end }}
{{- if has "rabbitmq" $needs }}
{{- $files = append $files (dict "setting" "rabbitmqUriFile" "from" "rabbitmq" "path" "rabbitmq-uri") }}
{{- end }}
{{- if has "smtp" $needs }}
{{- $files = append $files (dict "setting" "smtpUrlFile" "from" "smtp" "path" "smtp-url") }}
{{- end }}
{{- if or .facts.serves .facts.calls }}
{{- $files = append $files (dict "setting" "tokenKeyFile" "from" "tokenKey" "path" "token-key.pem") }}
{{- end }}
{{- if .facts.serves }}
{{- $files = append $files (dict "setting" "tokenKeysFile" "from" "tokenKeys" "path" "token-keys.json") }}
{{- end }}
{{- $service := .service }}
{{- range $files }}
{{- $source := index $secrets .from }}
{{- $_ := set . "name" ($source.name | replace "<service>" $service) }}
{{- $_ := set . "key" ($source.key | replace "<service>" $service) }}
{{- end }}
{{- toYaml $files }}
{{- end }}

{{- define "crm.secretsVolume" -}}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      {{- range include "crm.secretFiles" . | fromYamlArray }}
      - secret:
          name: {{ .name }}
          items:
            - {key: {{ .key }}, path: {{ .path }}}
      {{- end }}
{{- end }}

{{/*
What the process's secrets are now, as far as Helm can see the cluster: a change rolls the pods.
Where it cannot, `secrets.revision` says that they have changed.
*/}}
{{- define "crm.secretsSeen" -}}
{{- $root := .root }}
{{- $root.Values.secrets.revision }}
{{- range include "crm.secretFiles" . | fromYamlArray }}
{{- $secret := lookup "v1" "Secret" $root.Release.Namespace .name }}
{{ .path }}: {{ index ($secret.data | default dict) .key | default "" }}
{{- end }}
{{- end }}
