#!/bin/sh
# Starts the sidecar's engine: `builder` (the default) for a builder, whose sockets lie in a directory shared with it; `task` for
# one task, which reaches the engine only through the filter.
set -eu
shared=/run/slipway
own=/run/slipway-engine

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
rm -rf /run/docker /run/containerd /run/docker.pid $shared/docker.sock $own

case ${1:-builder} in
  builder)
    # The engine in here reaches the image endpoint as its own 127.0.0.1, which neither a task's container nor a RUN does.
    while :; do
      socat "TCP-LISTEN:$SLIPWAY_FORWARD_PORT,bind=127.0.0.1,reuseaddr,fork" "UNIX-CONNECT:$shared/endpoint.sock" || true
      sleep 1
    done &
    # A worker that is not root reaches the engine by its group; the directory around the socket is its own.
    set -- --host "unix://$shared/docker.sock" --group "${SLIPWAY_SOCKET_GROUP:-0}"
    ;;
  task)
    mkdir -m 700 $own
    # What a build asks for by BuildKit's own protocol nobody sees: the engine itself must refuse it the host's network.
    echo '{"builder": {"Entitlements": {"network-host": false, "security-insecure": false}}}' > $own/daemon.json
    # A container of the task's that mounts its socket gets the filter's too.
    rm -f /run/docker.sock
    ln -s $shared/docker.sock /run/docker.sock
    # An engine without its filter is of no use, and is seen to be gone.
    (
      node /usr/local/lib/slipway/filter/main.ts $own/docker.sock $shared/docker.sock || true
      kill 1
    ) &
    set -- --host "unix://$own/docker.sock" --group 0 --config-file $own/daemon.json
    ;;
esac

# The resolver of the sidecar's own network is on its 127.0.0.11, where no RUN reaches it.
for server in ${SLIPWAY_NAMESERVERS:-}; do set -- "$@" --dns "$server"; done

exec dockerd "$@"
