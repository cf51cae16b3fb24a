#!/bin/sh
# Starts the sidecar's engine. Its socket, and that of the worker's image endpoint, lie in a directory shared with the worker.
set -eu
shared=/run/slipway

# Without --privileged the control groups are mounted read-only.
while read -r _ directory type _; do
  case $type in cgroup | cgroup2) mount -o remount,rw,bind "$directory" || true ;; esac
done < /proc/mounts

# cgroup v2 gives controllers only to groups without processes, so ours go into one of their own.
groups=/sys/fs/cgroup
if [ -f $groups/cgroup.controllers ]; then
  mkdir -p $groups/init
  while read -r process; do echo "$process" > $groups/init/cgroup.procs || true; done < $groups/cgroup.procs
  for controller in $(cat $groups/cgroup.controllers); do
    echo "+$controller" > $groups/cgroup.subtree_control || true
  done
fi

# Left by an engine that was killed: a number in a pid file may belong to another process by now.
rm -rf /run/docker /run/containerd /run/docker.pid $shared/docker.sock

# The engine in here reaches the image endpoint as its own 127.0.0.1, which neither a task's container nor a RUN does.
while :; do
  socat "TCP-LISTEN:$SLIPWAY_FORWARD_PORT,bind=127.0.0.1,reuseaddr,fork" "UNIX-CONNECT:$shared/endpoint.sock" || true
  sleep 1
done &

# The resolver of the sidecar's own network is on its 127.0.0.11, where no RUN reaches it.
set --
for server in ${SLIPWAY_NAMESERVERS:-}; do set -- "$@" --dns "$server"; done

# A worker that is not root reaches the engine by its group; the directory around the socket is its own.
exec dockerd --host "unix://$shared/docker.sock" --group "${SLIPWAY_SOCKET_GROUP:-0}" "$@"
