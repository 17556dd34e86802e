// The journey by the AWS SDK for JavaScript v3: `node javascript.cjs STEP`, with what the step needs as JSON on standard
// input, and what it made as JSON on standard output.
const sdk = require("@aws-sdk/client-ec2");

const ec2 = new sdk.EC2Client({});
const send = (command, input) => ec2.send(new sdk[`${command}Command`](input));
const tags = (type, name) => [{ ResourceType: type, Tags: [{ Key: "Name", Value: name }] }];
const within = { client: ec2, maxWaitTime: 240, minDelay: 1, maxDelay: 2 };

async function make({ name, type, key }) {
  const vpc = (await send("CreateVpc", { CidrBlock: "10.60.0.0/16", TagSpecifications: tags("vpc", name) })).Vpc.VpcId;
  const subnet = (await send("CreateSubnet", { VpcId: vpc, CidrBlock: "10.60.1.0/24" })).Subnet.SubnetId;
  const igw = (await send("CreateInternetGateway", {})).InternetGateway.InternetGatewayId;
  await send("AttachInternetGateway", { VpcId: vpc, InternetGatewayId: igw });
  const group = (await send("CreateSecurityGroup", { VpcId: vpc, GroupName: name, Description: "of a journey" })).GroupId;
  await send("AuthorizeSecurityGroupIngress", { GroupId: group, IpPermissions: [
    { IpProtocol: "tcp", FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: "0.0.0.0/0" }] },
  ] });
  await send("ImportKeyPair", { KeyName: name, PublicKeyMaterial: Buffer.from(key) });
  const images = await send("DescribeImages", { Owners: ["amazon"], Filters: [{ Name: "architecture", Values: ["x86_64"] }] });
  const launched = await send("RunInstances", {
    ImageId: images.Images[0].ImageId, InstanceType: type, MinCount: 1, MaxCount: 1, KeyName: name, SubnetId: subnet,
    SecurityGroupIds: [group], TagSpecifications: tags("instance", name),
  });
  const instance = launched.Instances[0].InstanceId;
  await sdk.waitUntilInstanceRunning(within, { InstanceIds: [instance] });
  const image = (await send("CreateImage", { InstanceId: instance, Name: name, NoReboot: true })).ImageId;
  await sdk.waitUntilImageAvailable(within, { ImageIds: [image] });
  const [running] = (await send("DescribeInstances", { InstanceIds: [instance] })).Reservations[0].Instances;
  const zone = running.Placement.AvailabilityZone;
  const volume = (await send("CreateVolume", { AvailabilityZone: zone, Size: 1 })).VolumeId;
  await sdk.waitUntilVolumeAvailable(within, { VolumeIds: [volume] });
  await send("AttachVolume", { InstanceId: instance, VolumeId: volume, Device: "/dev/sdf" });
  await sdk.waitUntilVolumeInUse(within, { VolumeIds: [volume] });
  const address = (await send("AllocateAddress", { Domain: "vpc" })).AllocationId;
  await send("AssociateAddress", { AllocationId: address, InstanceId: instance });
  return { vpc, subnet, igw, group, key: name, instance, image, volume, address };
}

async function change({ made }) {
  const { instance, group, address } = made;
  await send("CreateTags", { Resources: [instance], Tags: [{ Key: "Stage", Value: "two" }] });
  await send("AuthorizeSecurityGroupIngress", { GroupId: group, IpPermissions: [
    { IpProtocol: "tcp", FromPort: 443, ToPort: 443, IpRanges: [{ CidrIp: "0.0.0.0/0" }] },
  ] });
  const [seen] = (await send("DescribeInstances", { InstanceIds: [instance] })).Reservations[0].Instances;
  const [held] = (await send("DescribeAddresses", { AllocationIds: [address] })).Addresses;
  return {
    tags: Object.fromEntries(seen.Tags.map(({ Key, Value }) => [Key, Value])),
    state: seen.State.Name,
    public: seen.PublicIpAddress === held.PublicIp,
    volumes: seen.BlockDeviceMappings.map((one) => one.Ebs.VolumeId),
  };
}

async function end({ made }) {
  const { vpc, subnet, igw, group, key, instance, image, volume, address } = made;
  const [held] = (await send("DescribeAddresses", { AllocationIds: [address] })).Addresses;
  await send("DisassociateAddress", { AssociationId: held.AssociationId });
  await send("ReleaseAddress", { AllocationId: address });
  await send("DetachVolume", { VolumeId: volume });
  await sdk.waitUntilVolumeAvailable(within, { VolumeIds: [volume] });
  await send("DeleteVolume", { VolumeId: volume });
  await send("TerminateInstances", { InstanceIds: [instance] });
  await sdk.waitUntilInstanceTerminated(within, { InstanceIds: [instance] });
  await send("DeregisterImage", { ImageId: image });
  await send("DeleteKeyPair", { KeyName: key });
  await send("DeleteSecurityGroup", { GroupId: group });
  await send("DeleteSubnet", { SubnetId: subnet });
  await send("DetachInternetGateway", { VpcId: vpc, InternetGatewayId: igw });
  await send("DeleteInternetGateway", { InternetGatewayId: igw });
  await send("DeleteVpc", { VpcId: vpc });
  return {};
}

const asked = JSON.parse(require("fs").readFileSync(0, "utf8"));
({ make, change, end })[process.argv[2]](asked).then(
  (found) => process.stdout.write(JSON.stringify(found)),
  (error) => { process.stderr.write(`${error.stack}\n`); process.exit(1); },
);
