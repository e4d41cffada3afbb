#include "io/http_address.h"

#include <cstring>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

namespace millrace::io {
namespace {

std::optional<IpAddress> FromSocketAddress(const sockaddr* address) {
  IpAddress ip;
  if (address->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, address, sizeof(v4));
    std::memcpy(ip.bytes.data(), &v4.sin_addr, 4);
    return ip;
  }
  if (address->sa_family != AF_INET6) return std::nullopt;
  sockaddr_in6 v6{};
  std::memcpy(&v6, address, sizeof(v6));
  ip.v6 = true;
  std::memcpy(ip.bytes.data(), &v6.sin6_addr, 16);
  return ip;
}

class SystemResolverImpl final : public Resolver {
 public:
  Result<std::vector<IpAddress>> Resolve(const std::string& host) override {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int code = getaddrinfo(host.c_str(), nullptr, &hints, &found);
    if (code != 0)
      return Fail(ErrorCode::kUnavailable, "cannot resolve host '{}': {}", host,
                  gai_strerror(code));
    std::vector<IpAddress> addresses;
    for (const addrinfo* at = found; at != nullptr; at = at->ai_next)
      if (auto ip = FromSocketAddress(at->ai_addr)) addresses.push_back(*ip);
    freeaddrinfo(found);
    if (addresses.empty())
      return Fail(ErrorCode::kUnavailable, "host '{}' has no IP address", host);
    return addresses;
  }
};

}  // namespace

std::optional<IpAddress> IpAddress::Parse(std::string_view text) {
  const std::string copy(text);
  IpAddress ip;
  if (inet_pton(AF_INET, copy.c_str(), ip.bytes.data()) == 1) return ip;
  ip.v6 = true;
  if (inet_pton(AF_INET6, copy.c_str(), ip.bytes.data()) == 1) return ip;
  return std::nullopt;
}

std::string IpAddress::ToString() const {
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), text, sizeof(text));
  return text;
}

Resolver& SystemResolver() {
  static auto* instance = new SystemResolverImpl;
  return *instance;
}

}  // namespace millrace::io
