# PID 1 of a lab: hides what of the machine a runtime would write to, brings loopback up, runs the rest of the command
# line and reaps orphans (shims are) until it ends. $1 is a static busybox.
set -eu
busybox=$1
shift

# Where all processes of a host are seen, the second is the kernel's own. It does nothing, and ends with this one.
(
	printf kthreadd >/proc/self/comm
	read -r pid _ </proc/self/stat
	kill -STOP "$pid"
) &

mount -t tmpfs -o mode=755 lab /run
mount -t tmpfs -o mode=755 lab /var/lib
mkdir -p "$KUBEWHY_LAB_GROUND" "$TMPDIR"

# Names are answered by the lab. The file may be a link into the /run that was just hidden.
printf 'nameserver 127.0.0.1\n' >"$KUBEWHY_LAB_GROUND/resolv.conf"
resolv=$(readlink -m /etc/resolv.conf)
case $resolv in /run/* | /var/lib/*)
	mkdir -p "${resolv%/*}"
	: >"$resolv"
	;;
esac
mount --bind "$KUBEWHY_LAB_GROUND/resolv.conf" "$resolv"

"$busybox" ip link set lo up
"$@" || exit $?
