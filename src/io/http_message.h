// What HTTP client and server share: header fields, header lookup, percent-coding and query
// strings.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::io {

struct HttpHeader {
  std::string name;
  std::string value;
  friend bool operator==(const HttpHeader&, const HttpHeader&) = default;
};

// The first field of that name, ignoring ASCII case; nullptr when there is none.
const std::string* FindHeader(const std::vector<HttpHeader>& headers, std::string_view name);

// A name is an RFC 9110 token; a value has no control character but tab (so it cannot end its
// line).
bool IsValidHeader(const HttpHeader& header);

// "%41+b" -> "A b" with plus_is_space, "A+b" without. A broken escape stays as it is.
std::string PercentDecode(std::string_view text, bool plus_is_space);
// All but RFC 3986's unreserved characters become %XX.
std::string PercentEncode(std::string_view text);

// "a=1&b=x+y" -> {{"a","1"},{"b","x y"}}; a part without '=' has an empty value.
std::vector<std::pair<std::string, std::string>> ParseQuery(std::string_view query);

// Seconds since 1970 of an HTTP date in any of RFC 9110's three forms.
std::optional<int64_t> ParseHttpDate(std::string_view text);

// The reason phrase of a status code, "" for an unknown one.
std::string_view HttpReason(int status);

}  // namespace millrace::io
