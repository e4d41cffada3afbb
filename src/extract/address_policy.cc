#include "extract/address_policy.h"

#include <charconv>
#include <cstring>
#include <optional>

namespace millrace::extract {
namespace {

using io::IpAddress;

struct Block {
  std::string_view range;
  std::string_view kind;
};
// IANA IPv4 and IPv6 Special-Purpose Address Registries, multicast, and what IPv6 still reserves.
constexpr Block kBlocks[] = {
    {"0.0.0.0/8", "this network"},
    {"10.0.0.0/8", "private"},
    {"100.64.0.0/10", "carrier-grade NAT"},
    {"127.0.0.0/8", "loopback"},
    {"169.254.0.0/16", "link-local"},
    {"172.16.0.0/12", "private"},
    {"192.0.0.0/24", "protocol assignments"},
    {"192.0.2.0/24", "documentation"},
    {"192.31.196.0/24", "AS112"},
    {"192.52.193.0/24", "AMT"},
    {"192.88.99.0/24", "6to4 relay"},
    {"192.168.0.0/16", "private"},
    {"192.175.48.0/24", "AS112"},
    {"198.18.0.0/15", "benchmarking"},
    {"198.51.100.0/24", "documentation"},
    {"203.0.113.0/24", "documentation"},
    {"224.0.0.0/4", "multicast"},
    {"240.0.0.0/4", "reserved"},
    {"::/96", "loopback, unspecified or IPv4-compatible"},
    {"64:ff9b:1::/48", "local NAT64"},
    {"100::/64", "discard"},
    {"2001::/23", "protocol assignments and Teredo"},
    {"2001:db8::/32", "documentation"},
    {"3fff::/20", "documentation"},
    {"5f00::/16", "segment routing"},
    {"fc00::/7", "unique local"},
    {"fe80::/10", "link-local"},
    {"fec0::/10", "site-local"},
    {"ff00::/8", "multicast"},
};
constexpr std::string_view kMetadata[] = {"169.254.169.254", "fd00:ec2::254", "100.100.100.200",
                                          "168.63.129.16"};

const std::vector<std::pair<AddressRange, std::string_view>>& Blocks() {
  static const auto* blocks = [] {
    auto* parsed = new std::vector<std::pair<AddressRange, std::string_view>>;
    for (const Block& block : kBlocks)
      parsed->emplace_back(AddressRange::Parse(block.range).value(), block.kind);
    return parsed;
  }();
  return *blocks;
}

IpAddress V4From(const uint8_t* bytes) {
  IpAddress v4;
  std::memcpy(v4.bytes.data(), bytes, 4);
  return v4;
}

// The IPv4 address inside an IPv6 one: mapped (::ffff:0:0/96), NAT64 (64:ff9b::/96), 6to4
// (2002::/16).
std::optional<IpAddress> Embedded(const IpAddress& address) {
  if (!address.v6) return std::nullopt;
  const uint8_t* bytes = address.bytes.data();
  constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  constexpr uint8_t kNat64[12] = {0, 0x64, 0xff, 0x9b};
  if (std::memcmp(bytes, kMapped, 12) == 0 || std::memcmp(bytes, kNat64, 12) == 0)
    return V4From(bytes + 12);
  if (bytes[0] == 0x20 && bytes[1] == 0x02) return V4From(bytes + 2);
  return std::nullopt;
}

bool IsMetadata(const IpAddress& address) {
  for (std::string_view text : kMetadata)
    if (IpAddress::Parse(text) == address) return true;
  return false;
}

bool AllowsExactly(const AddressPolicy& policy, const IpAddress& address) {
  for (const AddressRange& range : policy.allow)
    if (range.bits == (address.v6 ? 128 : 32) && range.base == address) return true;
  return false;
}

std::unexpected<Error> Refuse(const IpAddress& address, std::string_view kind) {
  auto refused = Fail(ErrorCode::kInvalidArgument, "connecting to {} is refused: {} address",
                      address.ToString(), kind);
  refused.error().hint = "allow_private permits ranges of the own network by name";
  return refused;
}

}  // namespace

Result<AddressRange> AddressRange::Parse(std::string_view text) {
  const size_t slash = std::min(text.find('/'), text.size());
  const auto base = IpAddress::Parse(text.substr(0, slash));
  if (!base)
    return Fail(ErrorCode::kInvalidArgument, "'{}' is not an address range such as 10.0.0.0/8",
                text);
  AddressRange range{*base, base->v6 ? 128 : 32};
  if (slash < text.size()) {
    const std::string_view bits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(bits.data(), bits.data() + bits.size(), range.bits);
    if (error != std::errc() || end != bits.data() + bits.size() || range.bits < 0 ||
        range.bits > (base->v6 ? 128 : 32))
      return Fail(ErrorCode::kInvalidArgument, "'{}': the prefix has 0 to {} bits", text,
                  base->v6 ? 128 : 32);
  }
  for (int bit = range.bits; bit < (base->v6 ? 128 : 32); ++bit)
    if (base->bytes[static_cast<size_t>(bit / 8)] >> (7 - bit % 8) & 1)
      return Fail(ErrorCode::kInvalidArgument, "'{}': bits behind the prefix are set", text);
  return range;
}

bool AddressRange::Contains(const IpAddress& address) const {
  if (address.v6 != base.v6) return false;
  const auto whole = static_cast<size_t>(bits / 8);
  if (std::memcmp(address.bytes.data(), base.bytes.data(), whole) != 0) return false;
  const int rest = bits % 8;
  return rest == 0 || (address.bytes[whole] ^ base.bytes[whole]) >> (8 - rest) == 0;
}

bool IsExplicitlyAllowed(const AddressPolicy& policy, const IpAddress& address) {
  const auto embedded = Embedded(address);
  if (embedded && IsExplicitlyAllowed(policy, *embedded)) return true;
  if (IsMetadata(address)) return AllowsExactly(policy, address);
  for (const AddressRange& range : policy.allow)
    if (range.Contains(address)) return true;
  return false;
}

Status CheckAddress(const AddressPolicy& policy, const IpAddress& address) {
  if (IsExplicitlyAllowed(policy, address)) return {};
  if (IsMetadata(address)) return Refuse(address, "cloud metadata");
  if (const auto embedded = Embedded(address)) {
    if (!CheckAddress(policy, *embedded)) return Refuse(address, "embedded, refused IPv4");
    return {};
  }
  for (const auto& [range, kind] : Blocks())
    if (range.Contains(address)) return Refuse(address, kind);
  return {};
}

}  // namespace millrace::extract
