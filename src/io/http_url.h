// HttpUrl: an http or https URL taken apart by the same parser that the client connects with
// (libcurl's), so that what was checked is what is called.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace millrace::io {

struct HttpUrl {
  std::string scheme;  // "http" or "https"
  std::string host;    // lower case, IDNs as punycode; an IPv6 address without brackets
  uint16_t port = 0;   // never 0 once parsed
  std::string path;    // begins with '/'
  std::string query;   // without '?', may be empty

  // "https://host:8443/path?query"; the port only where it is not the scheme's own.
  std::string ToString() const;
  // Without the query, which may carry a key: what logs and errors show.
  std::string ToPublicString() const;
  // "https://host:8443": what must be equal for credentials to be sent along.
  std::string Origin() const;
};

// kInvalidArgument: not a URL, another scheme, user information ("user:password@"), or no host. The
// message shows no part of the query. A fragment is dropped.
Result<HttpUrl> ParseHttpUrl(std::string_view text);

// A Location or next-page reference, absolute or relative, seen from `base` (RFC 3986 section 5).
Result<HttpUrl> ResolveHttpUrl(const HttpUrl& base, std::string_view reference);

}  // namespace millrace::io
