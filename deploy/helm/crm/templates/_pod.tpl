{{/* The pod of a process, or of a service's migration. */}}
{{- define "crm.pod" -}}
{{- $values := .root.Values -}}
{{- $pod := mergeOverwrite (deepCopy $values.pod) (.values.pod | default dict | deepCopy) -}}
metadata:
  labels:
    {{- include "crm.selector" . | nindent 4 }}
    crm/service: {{ .service }}
    crm/process: {{ .process }}
    {{- with $pod.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    checksum/config: {{ include "crm.config" . | sha256sum }}
    checksum/secrets: {{ include "crm.secretsSeen" . | sha256sum }}
    {{- with $pod.annotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  {{- /* The addresses of services as variables would be settings that nobody knows: CRM_GATEWAY_PORT. */}}
  enableServiceLinks: false
  automountServiceAccountToken: false
  serviceAccountName: {{ .root.Release.Name }}-{{ .service }}
  {{- with $values.image.pullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  securityContext:
    {{- include "crm.podSecurity" . | nindent 4 }}
  {{- with .gracePeriod }}
  terminationGracePeriodSeconds: {{ . }}
  {{- end }}
  {{- with .restartPolicy }}
  restartPolicy: {{ . }}
  {{- end }}
  {{- with $pod.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with $pod.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $pod.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $pod.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if .facts.drain }}
  topologySpreadConstraints:
    {{- include "crm.spread" . | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ .process }}
      image: {{ include "crm.image" . }}
      imagePullPolicy: {{ $values.image.pullPolicy }}
      args: [{{ .process }}]
      # Why a process ended is shown with its pod: a setting by its name, most often.
      terminationMessagePolicy: FallbackToLogsOnError
      {{- include "crm.environment" (merge (dict "extraEnv" $pod.extraEnv) .) | nindent 6 }}
      securityContext:
        {{- include "crm.containerSecurity" . | nindent 8 }}
      resources:
        {{- toYaml .values.resources | nindent 8 }}
      {{- if .facts.drain }}
      {{- include "crm.portsAndProbes" . | nindent 6 }}
      {{- end }}
      volumeMounts:
        - name: tmp
          mountPath: /tmp
        - name: secrets
          mountPath: {{ include "crm.secretsFolder" . }}
          readOnly: true
  volumes:
    - name: tmp
      emptyDir:
        sizeLimit: {{ .values.tmpSize | default "64Mi" }}
    {{- include "crm.secretsVolume" . | nindent 4 }}
{{- end }}

{{/* What the restricted pod security standard demands, and a root that cannot be written to. */}}
{{- define "crm.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "crm.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "crm.spread" -}}
{{- $process := . }}
{{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
- maxSkew: 1
  topologyKey: {{ . }}
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "crm.selector" $process | nindent 6 }}
  matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end }}

{{/*
Alive means that the process itself gets on: no restart brings a database back. A service that
answers gRPC is ready once it could serve, and stays so while its database is away: else one
outage would take the addresses of all. The others are ready while all that they need is there.
*/}}
{{- define "crm.portsAndProbes" -}}
{{- $ports := .root.Values.ports -}}
{{- $serves := .facts.serves | default list -}}
ports:
  - name: metrics
    containerPort: {{ $ports.metrics }}
  {{- range $serves }}
  - name: {{ . }}
    containerPort: {{ index $ports . }}
  {{- end }}
startupProbe:
  httpGet: {path: /livez, port: metrics}
  periodSeconds: 2
  timeoutSeconds: 5
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /livez, port: metrics}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
readinessProbe:
  {{- if and (has "grpc" $serves) (not (has "http" $serves)) }}
  grpc: {port: {{ $ports.grpc }}}
  {{- else }}
  httpGet: {path: /readyz, port: metrics}
  {{- end }}
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 2
{{- with include "crm.preStop" . | int }}
lifecycle:
  preStop:
    sleep: {seconds: {{ . }}}
{{- end }}
{{- end }}
