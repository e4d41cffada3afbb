// url_encode, url_decode and parse_url (RFC 3986 as java.net.URI reads it).

#include <algorithm>
#include <optional>
#include <span>

#include "engine/functions/lists.h"
#include "engine/functions/loops.h"

namespace millrace::engine {
namespace {

using data::ColumnPtr;
using Text = std::string_view;

bool IsAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

ColumnPtr UrlEncode(KernelCall& call) {
  constexpr Text kHex = "0123456789ABCDEF";
  std::string encoded;
  return Map<Text, Text>(call, [&](Text text, Cell& cell) {
    encoded.clear();
    for (const char c : text) {
      if (IsAlphanumeric(c) || Text("-_.*").find(c) != Text::npos) {
        encoded += c;
      } else if (c == ' ') {
        encoded += '+';
      } else {
        const auto byte = static_cast<uint8_t>(c);
        encoded += '%';
        encoded += kHex[byte >> 4];
        encoded += kHex[byte & 15];
      }
    }
    return cell.Copy(encoded);
  });
}

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool Decode(Text text, std::string& to) {
  to.clear();
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      to += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? HexValue(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? HexValue(text[i + 2]) : -1;
    if (high < 0 || low < 0) return false;
    to += static_cast<char>(high << 4 | low);
    i += 2;
  }
  return true;
}

template <bool kNullOnError>
ColumnPtr UrlDecode(KernelCall& call) {
  std::string decoded;
  return Map<Text, Text>(call, [&](Text text, Cell& cell) -> Text {
    if (Decode(text, decoded)) return cell.Copy(decoded);
    if (kNullOnError)
      cell.SetNull();
    else
      cell.Fail(
          "CANNOT_DECODE_URL",
          fmt::format("'{}' has a bad escape. Use `try_url_decode` to give NULL instead.", text));
    return {};
  });
}

// The parts of a URL; a part without data() is absent.
struct Url {
  Text scheme, authority, userinfo, host, path, query, fragment;
};

// nullopt: characters that no URI has, or a broken authority.
std::optional<Url> ParseUrl(Text text) {
  for (const char c : text) {
    if (c <= ' ' || Text("<>\"{}|\\^`").find(c) != Text::npos) return std::nullopt;
  }
  Url url;
  if (const size_t hash = text.find('#'); hash != Text::npos) {
    url.fragment = text.substr(hash + 1);
    text = text.substr(0, hash);
  }
  const size_t colon = text.find_first_of(":/?");
  if (colon != Text::npos && colon > 0 && text[colon] == ':') {
    url.scheme = text.substr(0, colon);
    text.remove_prefix(colon + 1);
    for (const char c : url.scheme) {
      if (!IsAlphanumeric(c) && c != '+' && c != '-' && c != '.') return std::nullopt;
    }
    // "mailto:x@y": opaque, without authority, path or query.
    if (!text.starts_with('/')) return url;
  }
  if (const size_t question = text.find('?'); question != Text::npos) {
    url.query = text.substr(question + 1);
    text = text.substr(0, question);
  }
  if (text.starts_with("//")) {
    text.remove_prefix(2);
    const size_t end = std::min(text.find('/'), text.size());
    url.authority = text.substr(0, end);
    text.remove_prefix(end);
    Text host = url.authority;
    if (const size_t at = host.rfind('@'); at != Text::npos) {
      url.userinfo = host.substr(0, at);
      host.remove_prefix(at + 1);
    }
    const size_t port = host.starts_with('[') ? host.find(':', host.find(']')) : host.find(':');
    url.host = host.substr(0, port);
  }
  url.path = text;
  return url;
}

// The value of `key` in a query, as written.
Text QueryValue(Text query, Text key) {
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const Text pair = query.substr(0, end);
    if (pair.size() > key.size() && pair.starts_with(key) && pair[key.size()] == '=')
      return pair.substr(key.size() + 1);
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return {};
}

Text PartOf(const Url& url, Text part) {
  if (part == "HOST") return url.host;
  if (part == "PATH") return url.path;
  if (part == "QUERY") return url.query;
  if (part == "REF") return url.fragment;
  if (part == "PROTOCOL") return url.scheme;
  if (part == "AUTHORITY") return url.authority;
  if (part == "USERINFO") return url.userinfo;
  if (part != "FILE" || url.path.data() == nullptr) return {};
  if (url.query.data() == nullptr) return url.path;
  // Path and query stand side by side in the URL.
  return {url.path.data(), static_cast<size_t>(url.query.end() - url.path.begin())};
}

template <bool kNullOnError>
ColumnPtr UrlPart(KernelCall& call) {
  return Map<Text, Text, Text>(call, [&](Text text, Text part, Cell& cell) -> Text {
    const auto url = ParseUrl(text);
    if (!url && !kNullOnError) {
      cell.Fail("INVALID_URL",
                fmt::format("'{}' is no URL. Use `try_parse_url` to give NULL instead.", text));
      return {};
    }
    Text found;
    if (url) found = PartOf(*url, part);
    if (url && call.args.size() > 2) {
      const Text key = data::Reader<Text>(*call.args[2])[cell.row()];
      found = part == "QUERY" ? QueryValue(url->query, key) : Text{};
    }
    if (found.data() == nullptr) cell.SetNull();
    return found;
  });
}

const KernelRegistration kKernels[] = {
    {"url_encode", Always(UrlEncode)},           {"url_decode", Always(UrlDecode<false>)},
    {"try_url_decode", Always(UrlDecode<true>)}, {"parse_url", Always(UrlPart<false>)},
    {"try_parse_url", Always(UrlPart<true>)},
};

}  // namespace

std::span<const KernelRegistration> UrlKernels() { return kKernels; }

}  // namespace millrace::engine
