// The protocol's notations (section 3 of the specification): [string], [bytes], [string map], ...
//
// Readers take a ByteReader, which never reads beyond its input: after a malformed length it is
// !ok(), whatever is read next is empty, and the decoder checks once at its end. Counts are never
// believed: a list grows only as long as its elements are there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace millrace::cql::wire {

using StringPairs = std::vector<std::pair<std::string, std::string>>;
using StringLists = std::vector<std::pair<std::string, std::vector<std::string>>>;

std::string_view ReadString(ByteReader& from);      // [string]
std::string_view ReadLongString(ByteReader& from);  // [long string]
std::string_view ReadShortBytes(ByteReader& from);  // [short bytes]
// [bytes]: nullopt for null.
std::optional<std::string_view> ReadBytes(ByteReader& from);
std::vector<std::string> ReadStringList(ByteReader& from);
StringPairs ReadStringMap(ByteReader& from);
StringLists ReadStringMultimap(ByteReader& from);
// 4 or 16 bytes of an address ([inetaddr]); else !ok().
std::string ReadAddress(ByteReader& from);
// The encoded extent of `count` [value]s, each with a [string] name before it where `named`.
std::string_view ReadValues(ByteReader& from, uint16_t count, bool named);

// Strings longer than 65535 bytes are a bug of the caller's.
void AppendString(std::string& to, std::string_view text);
void AppendLongString(std::string& to, std::string_view text);
void AppendShortBytes(std::string& to, std::string_view bytes);
void AppendBytes(std::string& to, std::optional<std::string_view> bytes);
void AppendStringList(std::string& to, const std::vector<std::string>& list);
void AppendStringMap(std::string& to, const StringPairs& map);
void AppendStringMultimap(std::string& to, const StringLists& map);
void AppendAddress(std::string& to, std::string_view address);

// "127.0.0.1" or "::1" of 4 or 16 bytes; empty for any other size.
std::string AddressText(std::string_view address);

// Marks `from` as malformed.
void Spoil(ByteReader& from);

}  // namespace millrace::cql::wire
