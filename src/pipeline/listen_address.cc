#include "pipeline/listen_address.h"

#include <charconv>

#include <arpa/inet.h>

namespace millrace::pipeline {
namespace {

enum class Reach { kNone, kLoopback, kOther };  // kNone: no numeric address

Reach ReachOf(const std::string& host) {
  in_addr v4{};
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1)
    return (ntohl(v4.s_addr) >> 24) == 127 ? Reach::kLoopback : Reach::kOther;
  in6_addr v6{};
  if (::inet_pton(AF_INET6, host.c_str(), &v6) != 1) return Reach::kNone;
  return IN6_IS_ADDR_LOOPBACK(&v6) ? Reach::kLoopback : Reach::kOther;
}

}  // namespace

Result<std::optional<ListenAddress>> ParseListenAddress(const std::string& text) {
  if (text == "off") return std::nullopt;
  ListenAddress address;
  const size_t colon = text.rfind(':');
  bool good = colon != std::string::npos;
  if (good) {
    address.host = text.substr(0, colon);
    const char* const last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data() + colon + 1, last, address.port);
    good = error == std::errc() && end == last;
  }
  if (address.host.starts_with('[') && address.host.ends_with(']'))
    address.host = address.host.substr(1, address.host.size() - 2);
  const Reach reach = good ? ReachOf(address.host) : Reach::kNone;
  if (reach == Reach::kLoopback) return address;
  return std::unexpected(
      Error{ErrorCode::kInvalidArgument,
            reach == Reach::kNone
                ? fmt::format("\"{}\" is not address:port with a numeric address", text)
                : fmt::format("{} is not an address of this machine alone, and there is no login "
                              "that would keep others out",
                              address.host),
            "write 127.0.0.1:PORT, or off"});
}

}  // namespace millrace::pipeline
