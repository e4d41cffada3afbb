#include "cql/wire/notation.h"

#include <arpa/inet.h>

#include "base/check.h"

namespace millrace::cql::wire {

// A negative size becomes one that no input has.
std::string_view ReadString(ByteReader& from) { return from.Bytes(from.Big<uint16_t>()); }

std::string_view ReadLongString(ByteReader& from) {
  return from.Bytes(static_cast<uint64_t>(int64_t{from.Big<int32_t>()}));
}

std::string_view ReadShortBytes(ByteReader& from) { return ReadString(from); }

std::optional<std::string_view> ReadBytes(ByteReader& from) {
  const auto size = from.Big<int32_t>();
  if (size < 0) return std::nullopt;
  return from.Bytes(static_cast<uint64_t>(size));
}

std::vector<std::string> ReadStringList(ByteReader& from) {
  std::vector<std::string> list;
  const auto count = from.Big<uint16_t>();
  for (uint16_t i = 0; i < count && from.ok(); ++i) list.emplace_back(ReadString(from));
  return list;
}

StringPairs ReadStringMap(ByteReader& from) {
  StringPairs map;
  const auto count = from.Big<uint16_t>();
  for (uint16_t i = 0; i < count && from.ok(); ++i) {
    std::string name(ReadString(from));
    map.emplace_back(std::move(name), ReadString(from));
  }
  return map;
}

StringLists ReadStringMultimap(ByteReader& from) {
  StringLists map;
  const auto count = from.Big<uint16_t>();
  for (uint16_t i = 0; i < count && from.ok(); ++i) {
    std::string name(ReadString(from));
    map.emplace_back(std::move(name), ReadStringList(from));
  }
  return map;
}

std::string ReadAddress(ByteReader& from) {
  const auto size = from.Big<uint8_t>();
  if (size != 4 && size != 16) Spoil(from);
  return std::string(from.Bytes(from.ok() ? size : 0));
}

std::string_view ReadValues(ByteReader& from, uint16_t count, bool named) {
  const char* const begin = from.position();
  for (uint16_t i = 0; i < count && from.ok(); ++i) {
    if (named) ReadString(from);
    // -1 is null, -2 "not set"; anything less is refused.
    const auto size = from.Big<int32_t>();
    if (size < -2) Spoil(from);
    if (size > 0) from.Bytes(static_cast<uint64_t>(size));
  }
  if (!from.ok()) return {};
  return {begin, static_cast<size_t>(from.position() - begin)};
}

void AppendString(std::string& to, std::string_view text) {
  MR_CHECK(text.size() <= UINT16_MAX, "a [string] holds at most 65535 bytes");
  AppendBig(to, static_cast<uint16_t>(text.size()));
  to.append(text);
}

void AppendLongString(std::string& to, std::string_view text) {
  AppendBig(to, static_cast<int32_t>(text.size()));
  to.append(text);
}

void AppendShortBytes(std::string& to, std::string_view bytes) { AppendString(to, bytes); }

void AppendBytes(std::string& to, std::optional<std::string_view> bytes) {
  if (!bytes) {
    AppendBig(to, int32_t{-1});
  } else {
    AppendLongString(to, *bytes);
  }
}

void AppendStringList(std::string& to, const std::vector<std::string>& list) {
  AppendBig(to, static_cast<uint16_t>(list.size()));
  for (const std::string& text : list) AppendString(to, text);
}

void AppendStringMap(std::string& to, const StringPairs& map) {
  AppendBig(to, static_cast<uint16_t>(map.size()));
  for (const auto& [name, value] : map) {
    AppendString(to, name);
    AppendString(to, value);
  }
}

void AppendStringMultimap(std::string& to, const StringLists& map) {
  AppendBig(to, static_cast<uint16_t>(map.size()));
  for (const auto& [name, list] : map) {
    AppendString(to, name);
    AppendStringList(to, list);
  }
}

void AppendAddress(std::string& to, std::string_view address) {
  to.push_back(static_cast<char>(address.size()));
  to.append(address);
}

std::string AddressText(std::string_view address) {
  char text[INET6_ADDRSTRLEN];
  if (address.size() != 4 && address.size() != 16) return {};
  const int family = address.size() == 4 ? AF_INET : AF_INET6;
  return inet_ntop(family, address.data(), text, sizeof(text)) == nullptr ? "" : text;
}

void Spoil(ByteReader& from) { from.Bytes(uint64_t{from.remaining()} + 1); }

}  // namespace millrace::cql::wire
