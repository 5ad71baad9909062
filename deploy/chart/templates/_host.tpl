{{- /* What is mounted of the host in this profile and on this distribution: name, path, type. All of it read-only, below /host. */ -}}
{{- define "kubewhy.host" -}}
{{- if eq .Values.profile "socket" }}
- {name: runtime, path: {{ include "kubewhy.socketDirectory" . }}, type: Directory}
{{- else }}
- {name: run, path: /run, type: Directory}
- {name: proc, path: /proc, type: Directory}
- {name: kubelet, path: /var/lib/kubelet, type: DirectoryOrCreate}
- {name: logs, path: /var/log, type: Directory}
- {name: addresses, path: /var/lib/cni, type: DirectoryOrCreate}
- {name: file-systems, path: /sys/fs, type: Directory}
{{- end }}
{{- if eq .Values.profile "deep" }}
- {name: kernel-log, path: /dev/kmsg, type: CharDevice}
{{- end }}
{{- if eq .Values.distribution "openshift" }}
- {name: openshift-cni-conf, path: /etc/kubernetes/cni, type: DirectoryOrCreate}
- {name: openshift-cni-bin, path: /usr/libexec/cni, type: Directory}
{{- else }}
- {name: cni-conf, path: /etc/cni, type: DirectoryOrCreate}
- {name: cni-bin, path: /opt/cni, type: DirectoryOrCreate}
{{- end }}
{{- if eq .Values.distribution "k3s" }}
- {name: k3s-cni-conf, path: /var/lib/rancher/k3s/agent/etc/cni, type: DirectoryOrCreate}
- {name: k3s-programs, path: /var/lib/rancher/k3s/data, type: Directory}
{{- end }}
{{- if and (eq .Values.distribution "rke2") (ne .Values.profile "socket") }}
- {name: kubelet-settings, path: /var/lib/rancher/rke2/agent/etc/kubelet.conf.d, type: DirectoryOrCreate}
{{- end }}
{{- if and (eq .Values.distribution "microk8s") (ne .Values.profile "socket") }}
- {name: microk8s-run, path: /var/snap/microk8s/common/run, type: Directory}
{{- end }}
{{- end }}

{{- /* Where the runtime's socket is, in profile socket. */ -}}
{{- define "kubewhy.socketDirectory" -}}
{{- $usual := dict "generic" "/run/containerd" "k3s" "/run/k3s/containerd" "rke2" "/run/k3s/containerd" "microk8s" "/var/snap/microk8s/common/run" }}
{{- .Values.socketDirectory | default (get $usual .Values.distribution) }}
{{- end }}
