#include "store/ordered_bytes.h"

#include "base/bytes.h"
#include "store/cql_value.h"
#include "store/key.h"

namespace millrace::store {
namespace {

constexpr uint64_t kSign64 = uint64_t{1} << 63;
// timeuuid compares its last eight bytes as signed ones.
constexpr uint64_t kSignOfEachByte = 0x8080808080808080;
constexpr char kPresent = 1;
constexpr char kEnd = 0;

// time_low, time_mid, version + time_hi  <->  version + time_hi, time_mid, time_low.
uint64_t TimeFirst(uint64_t high) { return high << 48 | (high >> 16 & 0xffff) << 32 | high >> 32; }
uint64_t TimeLowFirst(uint64_t ordered) {
  return ordered << 32 | (ordered >> 32 & 0xffff) << 16 | ordered >> 48;
}
// Version first, the other digits in their order: Cassandra compares versions before anything else.
uint64_t VersionFirst(uint64_t high) {
  if ((high >> 12 & 0xf) == 1) return TimeFirst(high);
  return (high & 0xf000) << 48 | high >> 16 << 12 | (high & 0xfff);
}
uint64_t VersionInPlace(uint64_t ordered) {
  if (ordered >> 60 == 1) return TimeLowFirst(ordered);
  return (ordered >> 12 & 0xffffffffffff) << 16 | (ordered >> 60) << 12 | (ordered & 0xfff);
}

void AppendUuid(CqlKind kind, std::string_view serialized, std::string& out) {
  const auto high = LoadBig<uint64_t>(serialized.data());
  const auto low = LoadBig<uint64_t>(serialized.data() + 8);
  const bool time_based = kind == CqlKind::kTimeuuid;
  AppendBig(out, time_based ? TimeFirst(high) : VersionFirst(high));
  AppendBig(out, time_based ? low ^ kSignOfEachByte : low);
}

template <typename T>
void AppendReal(std::string_view serialized, std::string& out) {
  constexpr T kSign = T{1} << (sizeof(T) * 8 - 1);
  const T bits = LoadBig<T>(serialized.data());
  AppendBig(out, static_cast<T>(bits & kSign ? ~bits : bits | kSign));
}

template <typename T>
T RealBits(const char* at) {
  constexpr T kSign = T{1} << (sizeof(T) * 8 - 1);
  const T bits = LoadBig<T>(at);
  return static_cast<T>(bits & kSign ? bits & ~kSign : ~bits);
}

void AppendNumber(const CqlType& type, std::string_view serialized, std::string& out) {
  data::Int128 number = 0;
  if (type.kind == CqlKind::kVarint) {
    ParseCqlVarint(serialized, number);
  } else {
    ParseCqlDecimal(serialized, number);
  }
  AppendBig(out, static_cast<uint64_t>(number >> 64) ^ kSign64);
  AppendBig(out, static_cast<uint64_t>(number));
}

void AppendAscending(const CqlType& type, std::string_view serialized, std::string& out);

// Elements: 01 and the element, each; 00 at the end. Fields of tuples and user types: 01 and the
// field, or 00 for NULL; fields missing at the end are NULL.
void AppendNestedOrdered(const CqlType& type, std::string_view serialized, std::string& out) {
  ByteReader from(serialized);
  const bool collection = type.is_collection();
  const size_t per_item = type.kind == CqlKind::kMap ? 2 : 1;
  const size_t count =
      collection ? static_cast<size_t>(from.Big<int32_t>()) * per_item : type.arguments.size();
  for (size_t i = 0; i < count; ++i) {
    const int32_t size = from.remaining() == 0 ? -1 : from.Big<int32_t>();
    if (size < 0) {
      out.push_back(kEnd);
      continue;
    }
    out.push_back(kPresent);
    AppendAscending(type.arguments[collection ? i % per_item : i],
                    from.Bytes(static_cast<uint64_t>(size)), out);
  }
  if (collection) out.push_back(kEnd);
}

void AppendAscending(const CqlType& type, std::string_view serialized, std::string& out) {
  switch (type.kind) {
    case CqlKind::kTinyint:
    case CqlKind::kSmallint:
    case CqlKind::kInt:
    case CqlKind::kBigint:
    case CqlKind::kTimestamp:
    case CqlKind::kTime:
      out.append(serialized);
      out[out.size() - serialized.size()] = static_cast<char>(serialized[0] ^ '\x80');
      return;
    case CqlKind::kBoolean:
    case CqlKind::kDate:
      out.append(serialized);
      return;
    case CqlKind::kFloat:
      return AppendReal<uint32_t>(serialized, out);
    case CqlKind::kDouble:
      return AppendReal<uint64_t>(serialized, out);
    case CqlKind::kVarint:
    case CqlKind::kDecimal:
      return AppendNumber(type, serialized, out);
    case CqlKind::kUuid:
    case CqlKind::kTimeuuid:
      return AppendUuid(type.kind, serialized, out);
    case CqlKind::kList:
    case CqlKind::kSet:
    case CqlKind::kMap:
    case CqlKind::kTuple:
    case CqlKind::kUserType:
      return AppendNestedOrdered(type, serialized, out);
    default:
      return AppendEscaped(serialized, out);
  }
}

// The next `size` bytes of an ordered form, inverted back when descending.
bool TakeRaw(std::string_view& from, bool descending, size_t size, std::string& raw) {
  if (from.size() < size) return false;
  raw.assign(from.substr(0, size));
  from.remove_prefix(size);
  if (descending)
    for (char& byte : raw) byte = static_cast<char>(~byte);
  return true;
}

bool TakeEscaped(std::string_view& from, bool descending, std::string& serialized) {
  const char zero = descending ? '\xff' : '\0';
  size_t at = 0;
  while (true) {
    at = from.find(zero, at);
    if (at == std::string_view::npos || at + 1 >= from.size()) return false;
    if (from[at + 1] == zero) break;
    at += 2;
  }
  std::string raw;
  TakeRaw(from, descending, at + 2, raw);
  serialized = Unescaped(raw);
  return true;
}

bool TakeNested(const CqlType& type, bool descending, std::string_view& from,
                std::string& serialized) {
  const bool collection = type.is_collection();
  const size_t per_item = type.kind == CqlKind::kMap ? 2 : 1;
  serialized.assign(collection ? sizeof(int32_t) : 0, '\0');
  std::string marker;
  std::string item;
  size_t taken = 0;
  for (; collection || taken < type.arguments.size(); ++taken) {
    if (!TakeRaw(from, descending, 1, marker)) return false;
    if (marker[0] == kEnd) {
      if (collection) break;
      AppendBig(serialized, int32_t{-1});
      continue;
    }
    if (!TakeOrdered(type.arguments[collection ? taken % per_item : taken], descending, from, item))
      return false;
    AppendBig(serialized, static_cast<int32_t>(item.size()));
    serialized.append(item);
  }
  if (collection) StoreBig(serialized.data(), static_cast<int32_t>(taken / per_item));
  return true;
}

bool TakeNumber(const CqlType& type, std::string_view& from, bool descending,
                std::string& serialized) {
  std::string raw;
  if (!TakeRaw(from, descending, 16, raw)) return false;
  const auto high = LoadBig<uint64_t>(raw.data()) ^ kSign64;
  const auto low = LoadBig<uint64_t>(raw.data() + 8);
  const auto number = static_cast<data::Int128>(static_cast<unsigned __int128>(high) << 64 | low);
  serialized.clear();
  if (type.kind == CqlKind::kVarint) {
    AppendCqlVarint(number, serialized);
  } else {
    AppendCqlDecimal(number, 18, serialized);
  }
  return true;
}

}  // namespace

void AppendEscaped(std::string_view bytes, std::string& out) {
  size_t from = 0;
  for (size_t at = bytes.find('\0'); at != std::string_view::npos; at = bytes.find('\0', from)) {
    out.append(bytes, from, at + 1 - from).push_back('\xff');
    from = at + 1;
  }
  out.append(bytes, from, std::string_view::npos).append(2, '\0');
}

void AppendOrdered(const CqlType& type, bool descending, std::string_view serialized,
                   std::string& out) {
  const size_t at = out.size();
  AppendAscending(type, serialized, out);
  if (!descending) return;
  for (size_t i = at; i < out.size(); ++i) out[i] = static_cast<char>(~out[i]);
}

size_t EscapedSize(std::string_view from) {
  for (size_t at = from.find('\0'); at != std::string_view::npos; at = from.find('\0', at + 2)) {
    if (at + 1 >= from.size()) return 0;
    if (from[at + 1] == '\0') return at + 2;
  }
  return 0;
}

std::string Unescaped(std::string_view escaped) {
  std::string bytes;
  bytes.reserve(escaped.size());
  for (size_t i = 0; i + 2 < escaped.size(); ++i) {
    bytes.push_back(escaped[i]);
    if (escaped[i] == '\0') ++i;
  }
  return bytes;
}

bool TakeOrdered(const CqlType& type, bool descending, std::string_view& from,
                 std::string& serialized) {
  switch (type.kind) {
    case CqlKind::kList:
    case CqlKind::kSet:
    case CqlKind::kMap:
    case CqlKind::kTuple:
    case CqlKind::kUserType:
      return TakeNested(type, descending, from, serialized);
    case CqlKind::kVarint:
    case CqlKind::kDecimal:
      return TakeNumber(type, from, descending, serialized);
    default:
      break;
  }
  const size_t size = type.fixed_size();
  if (size == 0) return TakeEscaped(from, descending, serialized);
  if (!TakeRaw(from, descending, size, serialized)) return false;
  switch (type.kind) {
    case CqlKind::kBoolean:
    case CqlKind::kDate:
      break;
    case CqlKind::kFloat:
      StoreBig(serialized.data(), RealBits<uint32_t>(serialized.data()));
      break;
    case CqlKind::kDouble:
      StoreBig(serialized.data(), RealBits<uint64_t>(serialized.data()));
      break;
    case CqlKind::kUuid:
      StoreBig(serialized.data(), VersionInPlace(LoadBig<uint64_t>(serialized.data())));
      break;
    case CqlKind::kTimeuuid:
      StoreBig(serialized.data(), TimeLowFirst(LoadBig<uint64_t>(serialized.data())));
      StoreBig(serialized.data() + 8, LoadBig<uint64_t>(serialized.data() + 8) ^ kSignOfEachByte);
      break;
    default:
      serialized[0] = static_cast<char>(serialized[0] ^ '\x80');
  }
  return true;
}

}  // namespace millrace::store
