#!/bin/bash
# Make the accounts, flavors and networks that the suite expects, and print a clouds.yaml for them.
set -euo pipefail
password=devstack
client=${OPENSTACK_CLIENT:-/opt/stack/data/venv/bin/openstack}
os() { "$client" --os-cloud devstack-admin "$@" >&2; }
# Makes a thing and prints its id: an administrator sees every project's "default", and the client refuses to choose.
made() { "$client" --os-cloud devstack-admin "$@" -f value -c id; }

os user create --password "$password" --project service passerelle
os role add --user passerelle --project service service
os role add --user passerelle --system all reader
for name in main alt tenant; do
    os project create "$name"
    os user create --password "$password" --project "$name" "$name"
    os role add --user "$name" --project "$name" member
    os quota set --secgroups -1 --secgroup-rules -1 --ports -1 --networks -1 --routers -1 --floating-ips -1 "$name"
    network=$(made network create --project "$name" default)
    subnet=$(made subnet create --project "$name" --network "$network" --subnet-range 172.31.0.0/20 default)
    router=$(made router create --project "$name" --external-gateway public default)
    os router add subnet "$router" "$subnet"
done
for flavor in t2.micro:1:1024 t3.nano:2:512 t3.micro:2:1024 t3.small:2:2048 m5.large:2:8192; do
    IFS=: read -r name vcpus ram <<<"$flavor"
    os flavor create --vcpus "$vcpus" --ram "$ram" --disk 8 "$name"
done

entry() {
    cat <<YAML
  $1:
    auth: {auth_url: "http://172.28.0.10/identity/v3", username: $1, password: $password, project_name: $2,
           user_domain_id: default, project_domain_id: default}
    region_name: RegionOne
    identity_api_version: "3"
    interface: public
YAML
}
echo "clouds:"
entry passerelle service
for name in main alt tenant; do entry "$name" "$name"; done
