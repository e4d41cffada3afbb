// IP addresses and name resolution, apart from connecting, so that a caller can check every address
// of a name and then connect to the one it checked.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace millrace::io {

struct IpAddress {
  bool v6 = false;
  std::array<uint8_t, 16> bytes{};  // network order; IPv4 uses the first four

  // The canonical spellings only ("10.0.0.1", "fe80::1"): "0x7f.1" or "127.1" are not addresses
  // here.
  static std::optional<IpAddress> Parse(std::string_view text);
  std::string ToString() const;
  friend bool operator==(const IpAddress&, const IpAddress&) = default;
};

class Resolver {
 public:
  virtual ~Resolver() = default;
  // All addresses of a host name or numeric address, at least one, in the order to try.
  // kUnavailable when it has none. Any thread; may block for as long as the system's resolver does.
  virtual Result<std::vector<IpAddress>> Resolve(const std::string& host) = 0;
};

// getaddrinfo(3): /etc/hosts, DNS.
Resolver& SystemResolver();

}  // namespace millrace::io
