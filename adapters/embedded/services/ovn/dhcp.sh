#!/bin/sh
# What busybox's DHCP client runs: RFC 3442 lets classless routes replace the router option.
case "$1" in bound | renew) ;; *) exit 0 ;; esac
ip address flush dev "$interface" scope global
ip address add "$ip/$mask" dev "$interface"
[ -z "$mtu" ] || ip link set "$interface" mtu "$mtu"
ip route flush dev "$interface" proto boot
if [ -n "$staticroutes" ]; then
  set -- $staticroutes
  while [ $# -ge 2 ]; do
    if [ "$2" = 0.0.0.0 ]; then ip route replace "$1" dev "$interface"; else ip route replace "$1" via "$2" dev "$interface"; fi
    shift 2
  done
else
  for hop in $router; do ip route replace default via "$hop" dev "$interface"; done
fi
