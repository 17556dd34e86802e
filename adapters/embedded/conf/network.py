"""Neutron's configuration."""

from collections.abc import Mapping
from pathlib import Path

import adapters
from adapters.embedded.conf.ini import Section, database, default, login, shared, text, token_check
from adapters.embedded.layout import OVN
from adapters.embedded.plan import Plan

# What an operator is asked to give Neutron, as it is shipped.
POLICY = Path(adapters.__file__).parent / "openstack/neutron/policy.yaml"
QUOTAS = (
    "default_quota", "quota_network", "quota_subnet", "quota_port", "quota_router", "quota_floatingip",
    "quota_security_group", "quota_security_group_rule", "quota_rbac_policy",
)  # fmt: skip


# Network → the sections that depend on it.
AGENTLESS: Mapping[str, Section] = {
    "ml2": {
        "type_drivers": "flat,vlan,vxlan,local",
        "tenant_network_types": "vxlan",
        "mechanism_drivers": "passerelle",
        "extension_drivers": "port_security,qos,dns_domain_ports",
    },
    "ml2_type_vxlan": {"vni_ranges": "1:16000"},
}
# "trunk" does not load without an Open vSwitch or OVN driver.
PLUGINS = {"none": "router,qos,segments,port_forwarding", OVN: "ovn-router,qos,segments,port_forwarding,trunk"}


def ovn(plan: Plan) -> Mapping[str, Section]:
    """Return the sections of ML2/OVN."""
    run = plan.place.run / "ovn"
    return {
        "ml2": {
            "type_drivers": "flat,vlan,geneve,local",
            "tenant_network_types": "geneve",
            "mechanism_drivers": "ovn",
            "extension_drivers": "port_security,qos,dns_domain_ports",
            "overlay_ip_version": 4,
        },
        "ml2_type_geneve": {"vni_ranges": "1:16000", "max_header_size": 38},  # Neutron refuses a smaller header
        "securitygroup": {"enable_security_group": True},
        "ovn": {
            "ovn_nb_connection": f"unix:{run}/nb.sock",
            "ovn_sb_connection": f"unix:{run}/sb.sock",
            "ovn_l3_scheduler": "leastloaded",
            "ovn_metadata_enabled": True,
            "enable_distributed_floating_ip": False,
            # true, the default, translates a floating IP's answer to an instance of the same router twice.
            "ovn_router_indirect_snat": False,
        },
    }


def files(plan: Plan) -> dict[str, str]:
    """Return neutron.conf."""
    sections = {
        "DEFAULT": default(
            plan,
            "neutron",
            core_plugin="ml2",
            service_plugins=PLUGINS[plan.network],
            api_paste_config=plan.place.venv / "etc/neutron/api-paste.ini",
            dhcp_agent_notification=False,
            enable_traditional_dhcp=False,
            setproctitle="off",  # the supervisor recognises the process by its command line
            notify_nova_on_port_status_changes=True,
            notify_nova_on_port_data_changes=True,
            send_events_interval=1,  # 0 never sends
            rpc_workers=0,
            rpc_state_report_workers=0,
        ),
        **(ovn(plan) if plan.network == OVN else AGENTLESS),
        "ml2_type_flat": {"flat_networks": "*"},
        "quotas": dict.fromkeys(QUOTAS, -1),
        "oslo_policy": {"policy_file": POLICY},
        "nova": login(plan, "neutron"),
        "placement": login(plan, "neutron"),
        "database": database(plan, "neutron"),
        "keystone_authtoken": token_check(plan, "neutron"),
        **shared(plan),
    }
    return {"neutron/neutron.conf": text(sections)}
