"""Resources beside VPCs and subnets that OpenStack lacks; Terraform, CDK and the AWS CLI list them."""

from __future__ import annotations

from collections.abc import Mapping

from shim.ec2.engine.absent import absent, kind, register
from shim.ec2.engine.filters import Path


def _own(*names: str, **more: str) -> Mapping[str, Path]:
    """Return filters whose names are the names of members, and `tag`; `more` are the others with `_` for `-`."""
    paths = {name: "".join(word.capitalize() for word in name.split("-")) for name in names}
    return {**paths, **{name.replace("_", "-"): path for name, path in more.items()}, "tag": "Tags"}


ABSENT = {
    "DescribeCarrierGateways": absent(
        "CarrierGateways", "CarrierGatewayId", "CarrierGatewayIds",
        kind("cagw", "carrierGateway", "InvalidCarrierGatewayID.NotFound", "InvalidCarrierGatewayID.Malformed"),
        _own("carrier-gateway-id", "owner-id", "state", "vpc-id"),
    ),
    "DescribeCustomerGateways": absent(
        "CustomerGateways", "CustomerGatewayId", "CustomerGatewayIds",
        kind("cgw", "customerGateway", "InvalidCustomerGatewayID.NotFound", "InvalidCustomerGatewayId.Malformed"),
        _own("bgp-asn", "customer-gateway-id", "ip-address", "state", "type"), "Filters",
    ),
    "DescribeEgressOnlyInternetGateways": absent(
        "EgressOnlyInternetGateways", "EgressOnlyInternetGatewayId", "EgressOnlyInternetGatewayIds",
        kind("eigw", "egressOnlyInternetGateway", "InvalidGatewayID.NotFound",
             "InvalidEgressOnlyInternetGatewayId.Malformed"),
        _own(),
    ),
    "DescribeFlowLogs": absent(
        "FlowLogs", "FlowLogId", "FlowLogIds",
        kind("fl", "flowLog", "InvalidFlowLogId.NotFound", "InvalidFlowLogId.Malformed"),
        _own("flow-log-id", "log-destination-type", "log-group-name", "resource-id", "traffic-type",
             deliver_log_status="DeliverLogsStatus"), "Filter MaxResults NextToken",
    ),
    "DescribeTransitGatewayVpcAttachments": absent(
        "TransitGatewayVpcAttachments", "TransitGatewayAttachmentId", "TransitGatewayAttachmentIds",
        kind("tgw-attach", "transitGatewayAttachment", "InvalidTransitGatewayAttachmentID.NotFound",
             "InvalidTransitGatewayAttachmentID.Malformed"),
        _own("state", "transit-gateway-attachment-id", "transit-gateway-id", "vpc-id"),
    ),
    "DescribeTransitGateways": absent(
        "TransitGateways", "TransitGatewayId", "TransitGatewayIds",
        kind("tgw", "transitGateway", "InvalidTransitGatewayID.NotFound", "InvalidTransitGatewayID.Malformed"),
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
    "DescribeVpcEndpointServices": absent(
        "ServiceDetails", "ServiceName", "ServiceNames",
        kind("", "Vpc Endpoint Service", "InvalidServiceName", "InvalidServiceName"),
        _own("owner", "service-name", "service-region", "supported-ip-address-types",
             service_type="ServiceType.ServiceType"),
    ),
    "DescribeVpcEndpoints": absent(
        "VpcEndpoints", "VpcEndpointId", "VpcEndpointIds",
        kind("vpce", "vpcEndpoint", "InvalidVpcEndpointId.NotFound", "InvalidVpcEndpointId.Malformed"),
        _own("ip-address-type", "service-name", "service-region", "vpc-endpoint-id", "vpc-endpoint-type", "vpc-id",
             vpc_endpoint_state="State"),
    ),
    "DescribeVpnGateways": absent(
        "VpnGateways", "VpnGatewayId", "VpnGatewayIds",
        kind("vgw", "vpnGateway", "InvalidVpnGatewayID.NotFound", "InvalidVpnGatewayId.Malformed"),
        {
            **_own("amazon-side-asn", "availability-zone", "state", "type", "vpn-gateway-id"),
            "attachment.state": "VpcAttachments.State",
            "attachment.vpc-id": "VpcAttachments.VpcId",
        }, "Filters",
    ),
}  # fmt: skip

register(ABSENT)
