#include "io/http_url.h"

#include <charconv>
#include <memory>

#include <curl/curl.h>

namespace millrace::io {
namespace {

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using UrlHandle = std::unique_ptr<CURLU, FreeUrl>;

// Empty when the URL has no such part.
std::string Part(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK || text == nullptr) return {};
  std::string copy = text;
  curl_free(text);
  return copy;
}

constexpr unsigned kParseFlags = CURLU_NON_SUPPORT_SCHEME | CURLU_DISALLOW_USER;

Status Set(CURLU* url, std::string_view text) {
  if (text.find('\0') != std::string_view::npos)
    return Fail(ErrorCode::kInvalidArgument, "not a URL: it holds a zero byte");
  const CURLUcode code = curl_url_set(url, CURLUPART_URL, std::string(text).c_str(), kParseFlags);
  if (code == CURLUE_OK) return {};
  if (code == CURLUE_USER_NOT_ALLOWED)
    return Fail(ErrorCode::kInvalidArgument, "a URL must not carry a user name or password");
  return Fail(ErrorCode::kInvalidArgument, "not a URL: {}", curl_url_strerror(code));
}

Result<HttpUrl> TakeApart(CURLU* url) {
  HttpUrl parts;
  parts.scheme = Part(url, CURLUPART_SCHEME);
  if (parts.scheme != "http" && parts.scheme != "https")
    return Fail(ErrorCode::kInvalidArgument, "scheme '{}' of a URL is neither http nor https",
                parts.scheme);
  parts.host = Part(url, CURLUPART_HOST, CURLU_PUNYCODE);
  if (parts.host.empty()) parts.host = Part(url, CURLUPART_HOST);
  if (parts.host.starts_with('[') && parts.host.ends_with(']'))
    parts.host = parts.host.substr(1, parts.host.size() - 2);
  for (char& c : parts.host)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  if (parts.host.empty()) return Fail(ErrorCode::kInvalidArgument, "a URL without a host");
  const std::string port = Part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
  std::from_chars(port.data(), port.data() + port.size(), parts.port);
  if (parts.port == 0) return Fail(ErrorCode::kInvalidArgument, "port '{}' of a URL", port);
  parts.path = Part(url, CURLUPART_PATH);
  if (parts.path.empty()) parts.path = "/";
  parts.query = Part(url, CURLUPART_QUERY);
  return parts;
}

}  // namespace

std::string HttpUrl::Origin() const {
  const bool v6 = host.find(':') != std::string::npos;
  const bool own_port = port == (scheme == "https" ? 443 : 80);
  return fmt::format("{}://{}{}{}{}", scheme, v6 ? "[" : "", host, v6 ? "]" : "",
                     own_port ? std::string() : fmt::format(":{}", port));
}

std::string HttpUrl::ToPublicString() const { return Origin() + path; }

std::string HttpUrl::ToString() const {
  return query.empty() ? ToPublicString() : ToPublicString() + "?" + query;
}

Result<HttpUrl> ParseHttpUrl(std::string_view text) {
  UrlHandle url(curl_url());
  MR_TRY(Set(url.get(), text));
  return TakeApart(url.get());
}

Result<HttpUrl> ResolveHttpUrl(const HttpUrl& base, std::string_view reference) {
  UrlHandle url(curl_url());
  MR_TRY(Set(url.get(), base.ToString()));
  MR_TRY(Set(url.get(), reference));
  return TakeApart(url.get());
}

}  // namespace millrace::io
