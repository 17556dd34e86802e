"""Kinds of resources that OpenStack lacks: each is described as an empty list, and its creation is refused.

Terraform, CDK and the AWS CLI list them beside VPCs and subnets.  An account that has none of them is what AWS answers
for, and no operation here can make one.  Ids, filters and pages are checked as for any other Describe action.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from botocore import xform_name

from shim.context import Call
from shim.ec2.engine.describe import Question, Rows, Table, describes
from shim.ec2.engine.filters import Path, Row
from shim.ec2.engine.resource_types import ResourceType


@dataclass(frozen=True, slots=True)
class Absent:
    """A kind of resource: the answer's list, the id's member and prefix, AWS's noun and codes for unknown ids."""

    items: str
    id: str
    ids: str
    prefix: str
    noun: str
    not_found: str
    malformed: str
    filters: Mapping[str, Path]
    supports: str = "Filters MaxResults NextToken"

    def table(self) -> Table:
        """Return the table of the Describe action."""
        said = f"The {self.noun} ID '{{id}}' does not exist"
        kind = ResourceType(self.prefix, "", self.not_found, said, said.replace("ID", "IDs", 1), self.malformed)
        return Table(items=self.items, id=self.id, ids=self.ids, resource_type=kind, filters=self.filters)


def _own(*names: str, **more: str) -> Mapping[str, Path]:
    """Return filters whose names are the names of members, and `tag`; `more` are the others with `_` for `-`."""
    paths = {name: "".join(word.capitalize() for word in name.split("-")) for name in names}
    return {**paths, **{name.replace("_", "-"): path for name, path in more.items()}, "tag": "Tags"}


ABSENT: Mapping[str, Absent] = {
    "DescribeCarrierGateways": Absent(
        "CarrierGateways", "CarrierGatewayId", "CarrierGatewayIds", "cagw", "carrierGateway",
        "InvalidCarrierGatewayID.NotFound", "InvalidCarrierGatewayID.Malformed",
        _own("carrier-gateway-id", "owner-id", "state", "vpc-id"),
    ),
    "DescribeCustomerGateways": Absent(
        "CustomerGateways", "CustomerGatewayId", "CustomerGatewayIds", "cgw", "customerGateway",
        "InvalidCustomerGatewayID.NotFound", "InvalidCustomerGatewayId.Malformed",
        _own("bgp-asn", "customer-gateway-id", "ip-address", "state", "type"), "Filters",
    ),
    "DescribeEgressOnlyInternetGateways": Absent(
        "EgressOnlyInternetGateways", "EgressOnlyInternetGatewayId", "EgressOnlyInternetGatewayIds", "eigw",
        "egressOnlyInternetGateway", "InvalidGatewayID.NotFound", "InvalidEgressOnlyInternetGatewayId.Malformed",
        _own(),
    ),
    "DescribeFlowLogs": Absent(
        "FlowLogs", "FlowLogId", "FlowLogIds", "fl", "flowLog",
        "InvalidFlowLogId.NotFound", "InvalidFlowLogId.Malformed",
        _own("flow-log-id", "log-destination-type", "log-group-name", "resource-id", "traffic-type",
             deliver_log_status="DeliverLogsStatus"), "Filter MaxResults NextToken",
    ),
    "DescribeTransitGatewayVpcAttachments": Absent(
        "TransitGatewayVpcAttachments", "TransitGatewayAttachmentId", "TransitGatewayAttachmentIds", "tgw-attach",
        "transitGatewayAttachment", "InvalidTransitGatewayAttachmentID.NotFound",
        "InvalidTransitGatewayAttachmentID.Malformed",
        _own("state", "transit-gateway-attachment-id", "transit-gateway-id", "vpc-id"),
    ),
    "DescribeTransitGateways": Absent(
        "TransitGateways", "TransitGatewayId", "TransitGatewayIds", "tgw", "transitGateway",
        "InvalidTransitGatewayID.NotFound", "InvalidTransitGatewayID.Malformed",
        {
            **_own("owner-id", "state", "transit-gateway-id"),
            "options.amazon-side-asn": "Options.AmazonSideAsn",
            "options.association-default-route-table-id": "Options.AssociationDefaultRouteTableId",
            "options.auto-accept-shared-attachments": "Options.AutoAcceptSharedAttachments",
            "options.default-route-table-association": "Options.DefaultRouteTableAssociation",
            "options.default-route-table-propagation": "Options.DefaultRouteTablePropagation",
            "options.dns-support": "Options.DnsSupport",
            "options.propagation-default-route-table-id": "Options.PropagationDefaultRouteTableId",
            "options.vpn-ecmp-support": "Options.VpnEcmpSupport",
        },
    ),
    "DescribeVpcEndpointServices": Absent(
        "ServiceDetails", "ServiceName", "ServiceNames", "", "Vpc Endpoint Service",
        "InvalidServiceName", "InvalidServiceName",
        _own("owner", "service-name", "service-region", "supported-ip-address-types",
             service_type="ServiceType.ServiceType"),
    ),
    "DescribeVpcEndpoints": Absent(
        "VpcEndpoints", "VpcEndpointId", "VpcEndpointIds", "vpce", "vpcEndpoint",
        "InvalidVpcEndpointId.NotFound", "InvalidVpcEndpointId.Malformed",
        _own("ip-address-type", "service-name", "service-region", "vpc-endpoint-id", "vpc-endpoint-type", "vpc-id",
             vpc_endpoint_state="State"),
    ),
    "DescribeVpnGateways": Absent(
        "VpnGateways", "VpnGatewayId", "VpnGatewayIds", "vgw", "vpnGateway",
        "InvalidVpnGatewayID.NotFound", "InvalidVpnGatewayId.Malformed",
        {
            **_own("amazon-side-asn", "availability-zone", "state", "type", "vpn-gateway-id"),
            "attachment.state": "VpcAttachments.State",
            "attachment.vpc-id": "VpcAttachments.VpcId",
        }, "Filters",
    ),
}  # fmt: skip
TABLES: Mapping[str, Table] = {name: one.table() for name, one in ABSENT.items()}


def none(name: str) -> Rows:
    """Return the function that reads no rows, named as an action is."""

    async def rows(call: Call, asked: Question) -> list[Row]:
        return []

    rows.__name__ = xform_name(name)
    rows.__doc__ = "Answer that there is none."
    return rows


for _name, _one in ABSENT.items():
    describes(TABLES[_name], supports=f"{_one.ids} {_one.supports}")(none(_name))
