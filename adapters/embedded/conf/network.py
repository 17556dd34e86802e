"""Neutron's configuration."""

from pathlib import Path

import adapters
from adapters.embedded.conf.ini import database, default, login, shared, text, token_check
from adapters.embedded.plan import Plan

# What an operator is asked to give Neutron, as it is shipped.
POLICY = Path(adapters.__file__).parent / "openstack/neutron/policy.yaml"
QUOTAS = (
    "default_quota", "quota_network", "quota_subnet", "quota_port", "quota_router", "quota_floatingip",
    "quota_security_group", "quota_security_group_rule", "quota_rbac_policy",
)  # fmt: skip


def files(plan: Plan) -> dict[str, str]:
    """Return neutron.conf: ML2 without agents."""
    sections = {
        "DEFAULT": default(
            plan,
            "neutron",
            core_plugin="ml2",
            # "trunk" does not load without an Open vSwitch or OVN driver.
            service_plugins="router,qos,segments,port_forwarding",
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
        "ml2": {
            "type_drivers": "flat,vlan,vxlan,local",
            "tenant_network_types": "vxlan",
            "mechanism_drivers": "passerelle",
            "extension_drivers": "port_security,qos,dns_domain_ports",
        },
        "ml2_type_vxlan": {"vni_ranges": "1:16000"},
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
