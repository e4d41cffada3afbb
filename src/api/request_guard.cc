#include "api/request_guard.h"

#include <algorithm>

#include "data/type.h"

namespace millrace::api {
namespace {

// "[::1]:7070" -> "[::1]", "localhost:7070" -> "localhost".
std::string_view HostName(std::string_view host) {
  const size_t end = host.starts_with('[') ? host.find(']') : 0;
  return host.substr(0, host.find(':', std::min(end, host.size())));
}

// 127.0.0.0/8 written as four numbers; a name such as 127.0.0.1.example.com is none.
bool IsLoopbackNumber(std::string_view name) {
  return name.starts_with("127.") && std::ranges::count(name, '.') == 3 &&
         name.find_first_not_of("0123456789.") == std::string_view::npos;
}

bool IsOurs(std::string_view name, const std::string& listen_host) {
  return IsLoopbackNumber(name) || name == "[::1]" || name == listen_host ||
         data::EqualsIgnoringCase(name, "localhost");
}

size_t CountHeader(const io::HttpRequest& request, std::string_view name) {
  return static_cast<size_t>(std::ranges::count_if(request.headers, [&](const auto& header) {
    return data::EqualsIgnoringCase(header.name, name);
  }));
}

}  // namespace

std::optional<std::string> RefusalOf(const io::HttpRequest& request, const std::string& listen_host,
                                     bool guards_origin) {
  const std::string* host = io::FindHeader(request.headers, "host");
  if (host == nullptr || CountHeader(request, "host") != 1)
    return "the request must have one Host field";
  if (!IsOurs(HostName(*host), listen_host)) {
    return fmt::format("Host {} is not this machine: use 127.0.0.1 or localhost",
                       host->substr(0, 100));
  }
  if (!guards_origin) return std::nullopt;
  const std::string* site = io::FindHeader(request.headers, "sec-fetch-site");
  if (site != nullptr && *site != "same-origin" && *site != "none")
    return "a page of another origin may not use the API";
  const std::string* origin = io::FindHeader(request.headers, "origin");
  if (origin != nullptr && *origin != "http://" + *host)
    return "a page of another origin may not use the API";
  return std::nullopt;
}

}  // namespace millrace::api
