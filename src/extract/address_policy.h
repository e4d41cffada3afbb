// AddressPolicy: which addresses a source may connect to. The guard against server-side request
// forgery (OWASP API7:2023): a URL from a response, a redirect or a token setting must not reach
// what only this machine can.
//
// Refused unless a range in `allow` covers it: every special-purpose block of the IANA IPv4 and
// IPv6 registries (loopback, private, link-local, carrier-grade NAT, unique local, multicast,
// documentation, benchmarking, reserved), and IPv6 forms that embed such an IPv4 address (mapped,
// compatible, NAT64, 6to4; Teredo altogether). The cloud metadata addresses (169.254.169.254,
// fd00:ec2::254, 100.100.100.200, 168.63.129.16) need a range of exactly that one address.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/http_address.h"

namespace millrace::extract {

struct AddressRange {
  io::IpAddress base;
  int bits = 0;  // length of the prefix

  // "10.0.0.0/8", "fd00::/8", or one address. kInvalidArgument also when bits behind the prefix are
  // set.
  static Result<AddressRange> Parse(std::string_view text);
  bool Contains(const io::IpAddress& address) const;
};

struct AddressPolicy {
  std::vector<AddressRange> allow;
};

// Whether the policy's ranges name this address explicitly.
bool IsExplicitlyAllowed(const AddressPolicy& policy, const io::IpAddress& address);

// kInvalidArgument with the kind of address when connecting is refused.
Status CheckAddress(const AddressPolicy& policy, const io::IpAddress& address);

}  // namespace millrace::extract
