"""EC2: instances are Nova's servers, volumes are Cinder's, networks are Neutron's, images are Glance's.

Importing this package registers every action, and the tag store of each resource type.
"""

import shim.ec2.account.attributes
import shim.ec2.account.regions
import shim.ec2.attributes.changing
import shim.ec2.attributes.options
import shim.ec2.attributes.password
import shim.ec2.attributes.profile_associations
import shim.ec2.attributes.reading
import shim.ec2.images.attributes
import shim.ec2.images.copying
import shim.ec2.images.creating
import shim.ec2.images.images
import shim.ec2.images.registering
import shim.ec2.images.tags
import shim.ec2.images.tasks
import shim.ec2.instances.console
import shim.ec2.instances.instances
import shim.ec2.instances.key_pairs
import shim.ec2.instances.power
import shim.ec2.instances.status
import shim.ec2.instances.tags
import shim.ec2.instances.types
import shim.ec2.interfaces.address_attributes
import shim.ec2.interfaces.allocation
import shim.ec2.interfaces.association
import shim.ec2.interfaces.attachments
import shim.ec2.interfaces.attributes
import shim.ec2.interfaces.creation
import shim.ec2.interfaces.private_addresses
import shim.ec2.launch.placement_groups
import shim.ec2.launch.run_instances
import shim.ec2.network.addresses
import shim.ec2.network.group_references
import shim.ec2.network.interfaces
import shim.ec2.network.prefix_lists
import shim.ec2.network.rule_changes
import shim.ec2.network.security_group_rules
import shim.ec2.network.security_groups
import shim.ec2.network.subnets
import shim.ec2.network.tags
import shim.ec2.network.vpcs
import shim.ec2.peering.connections
import shim.ec2.peering.options
import shim.ec2.routing.absent
import shim.ec2.routing.dhcp_options
import shim.ec2.routing.internet_gateways
import shim.ec2.routing.nat_gateways
import shim.ec2.routing.network_acls
import shim.ec2.routing.route_tables
import shim.ec2.routing.routes
import shim.ec2.routing.subnet_attributes
import shim.ec2.routing.tags
import shim.ec2.routing.vpc_attributes
import shim.ec2.routing.vpc_cidrs
import shim.ec2.tags.tags
import shim.ec2.templates.templates
import shim.ec2.templates.versions
import shim.ec2.volumes.attachments
import shim.ec2.volumes.attributes
import shim.ec2.volumes.modifications
import shim.ec2.volumes.snapshot_copies
import shim.ec2.volumes.snapshots
import shim.ec2.volumes.tags
import shim.ec2.volumes.volumes  # noqa: F401
