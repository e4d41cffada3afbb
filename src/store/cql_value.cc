#include "store/cql_value.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>

#include <arpa/inet.h>

#include "base/bytes.h"
#include "base/uuid.h"
#include "store/sql_types.h"

namespace millrace::store {
namespace {

using data::DataType;
using data::Int128;
using data::TypeKind;
using data::Value;

constexpr int kReadScale = 18;

template <typename T>
std::unexpected<Error> NoFit(const T& shown, const CqlType& to, std::string_view why) {
  return Fail(ErrorCode::kInvalidArgument, "{} is no {}: {}", shown, to.ToString(), why);
}

std::string Shortened(std::string_view text) {
  return text.size() <= 60 ? fmt::format("'{}'", text) : fmt::format("'{}...'", text.substr(0, 60));
}

double NumberOf(const DataType& from, const Value& value) {
  return from.is_integral() ? static_cast<double>(value.integer()) : value.real();
}

Status AppendText(const Value& value, const CqlType& to, std::string& out) {
  const std::string& text = value.string();
  switch (to.kind) {
    case CqlKind::kAscii:
      if (!IsAscii(text)) return NoFit(Shortened(text), to, "it has other than ASCII characters");
      break;
    case CqlKind::kUuid:
    case CqlKind::kTimeuuid:
      if (AppendUuidText(text, to.kind == CqlKind::kTimeuuid, out)) return {};
      return NoFit(Shortened(text), to,
                   "wanted 8-4-4-4-12 hexadecimal digits, of version 1 for timeuuid");
    case CqlKind::kInet:
      if (AppendInetText(text, out)) return {};
      return NoFit(Shortened(text), to, "wanted an IPv4 or IPv6 address");
    default:
      break;
  }
  out.append(text);
  return {};
}

Status AppendScalar(const DataType& from, const Value& value, const CqlType& to, std::string& out) {
  switch (to.kind) {
    case CqlKind::kTinyint:
      out.push_back(static_cast<char>(value.integer()));
      return {};
    case CqlKind::kSmallint:
      AppendBig(out, static_cast<int16_t>(value.integer()));
      return {};
    case CqlKind::kInt:
      AppendBig(out, static_cast<int32_t>(value.integer()));
      return {};
    case CqlKind::kBigint:
      AppendBig(out, value.integer());
      return {};
    case CqlKind::kTimestamp:
      AppendBig(out, MillisOfMicros(value.integer()));
      return {};
    case CqlKind::kTime:
      if (value.integer() < 0 || value.integer() >= kNanosPerDay)
        return NoFit(value.integer(), to, "wanted nanoseconds since midnight");
      AppendBig(out, value.integer());
      return {};
    case CqlKind::kDate:
      AppendBig(out, static_cast<uint32_t>(value.integer()) + kDateBias);
      return {};
    case CqlKind::kBoolean:
      out.push_back(value.boolean() ? 1 : 0);
      return {};
    case CqlKind::kFloat:
      AppendBig(out, std::bit_cast<uint32_t>(static_cast<float>(NumberOf(from, value))));
      return {};
    case CqlKind::kDouble:
      AppendBig(out, std::bit_cast<uint64_t>(NumberOf(from, value)));
      return {};
    case CqlKind::kVarint:
      AppendCqlVarint(from.is_integral() ? Int128{value.integer()} : value.decimal(), out);
      return {};
    case CqlKind::kDecimal:
      AppendCqlDecimal(from.is_integral() ? Int128{value.integer()} : value.decimal(),
                       from.is_integral() ? 0 : from.scale(), out);
      return {};
    default:
      return AppendText(value, to, out);
  }
}

// A 4-byte size and the value; -1 for NULL where `null_allowed`.
Status AppendSized(const DataType& from, const Value& value, const CqlType& to, bool null_allowed,
                   std::string& out) {
  if (value.is_null()) {
    if (!null_allowed)
      return Fail(ErrorCode::kInvalidArgument, "NULL inside a collection, which CQL does not have");
    AppendBig(out, int32_t{-1});
    return {};
  }
  const size_t at = out.size();
  AppendBig(out, int32_t{0});
  MR_TRY(AppendCqlValue(from, value, to, out));
  StoreBig(out.data() + at, static_cast<int32_t>(out.size() - at - sizeof(int32_t)));
  return {};
}

// Sets are sorted and without doubles, maps sorted by key, as Cassandra keeps them. Serialised
// elements sort as bytes here: the order readers see is fixed, though for signed numbers it is not
// the numeric one.
Status AppendSet(const DataType& from, const Value& value, const CqlType& to, std::string& out) {
  std::vector<std::string> elements;
  for (const Value& item : value.list())
    MR_TRY(AppendSized(from.element(), item, to.arguments[0], false, elements.emplace_back()));
  std::sort(elements.begin(), elements.end());
  elements.erase(std::unique(elements.begin(), elements.end()), elements.end());
  AppendBig(out, static_cast<int32_t>(elements.size()));
  for (const std::string& element : elements) out.append(element);
  return {};
}

Status AppendMap(const DataType& from, const Value& value, const CqlType& to, std::string& out) {
  std::map<std::string, std::string> entries;
  for (const auto& [key, held] : value.pairs()) {
    std::string key_bytes;
    std::string held_bytes;
    MR_TRY(AppendSized(from.key(), key, to.arguments[0], false, key_bytes));
    MR_TRY(AppendSized(from.map_value(), held, to.arguments[1], false, held_bytes));
    entries[std::move(key_bytes)] = std::move(held_bytes);
  }
  AppendBig(out, static_cast<int32_t>(entries.size()));
  for (const auto& [key, held] : entries) out.append(key).append(held);
  return {};
}

Result<Value> TakeSized(ByteReader& from, const CqlType& type) {
  const auto size = from.Big<int32_t>();
  if (size < 0) return Value::Null();
  const std::string_view bytes = from.Bytes(static_cast<uint64_t>(size));
  if (!from.ok()) return Fail(ErrorCode::kDamaged, "a stored {} ends early", type.ToString());
  return DecodeCqlValue(type, bytes);
}

Result<Value> DecodeNested(const CqlType& type, std::string_view bytes) {
  ByteReader from(bytes);
  Value::List items;
  if (!type.is_collection()) {
    // Fields that were added to the type later are missing at the end and read as NULL.
    for (const CqlType& field : type.arguments) {
      if (from.remaining() == 0) {
        items.push_back(Value::Null());
        continue;
      }
      MR_ASSIGN(Value item, TakeSized(from, field));
      items.push_back(std::move(item));
    }
    return Value::ListOf(std::move(items));
  }
  const auto count = from.Big<int32_t>();
  if (count < 0 || static_cast<size_t>(count) > from.remaining() / 4 + 1 || !from.ok())
    return Fail(ErrorCode::kDamaged, "a stored {} claims {} elements", type.ToString(), count);
  Value::Pairs pairs;
  for (int32_t i = 0; i < count; ++i) {
    MR_ASSIGN(Value item, TakeSized(from, type.arguments[0]));
    if (type.kind == CqlKind::kMap) {
      MR_ASSIGN(Value held, TakeSized(from, type.arguments[1]));
      pairs.emplace_back(std::move(item), std::move(held));
    } else {
      items.push_back(std::move(item));
    }
  }
  return type.kind == CqlKind::kMap ? Value::MapOf(std::move(pairs))
                                    : Value::ListOf(std::move(items));
}

Result<Value> DecodeInet(std::string_view bytes) {
  char text[INET6_ADDRSTRLEN];
  const int family = bytes.size() == 4 ? AF_INET : AF_INET6;
  if ((bytes.size() != 4 && bytes.size() != 16) ||
      inet_ntop(family, bytes.data(), text, sizeof(text)) == nullptr)
    return Fail(ErrorCode::kDamaged, "a stored inet has {} bytes", bytes.size());
  return Value::String(text);
}

Result<Value> DecodeNumber(const CqlType& type, std::string_view bytes) {
  Int128 number = 0;
  const bool ok = type.kind == CqlKind::kVarint ? ParseCqlVarint(bytes, number)
                                                : ParseCqlDecimal(bytes, number);
  if (!ok)
    return Fail(ErrorCode::kDamaged, "a stored {} does not fit DECIMAL(38)", type.ToString());
  return Value::Decimal(number);
}

}  // namespace

bool IsAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<uint8_t>(c) < 0x80; });
}

int64_t MillisOfMicros(int64_t micros) { return micros / 1000 - (micros % 1000 < 0 ? 1 : 0); }

bool AppendInetText(std::string_view text, std::string& out) {
  const std::string terminated(text);
  char raw[16];
  if (inet_pton(AF_INET, terminated.c_str(), raw) == 1) {
    out.append(raw, 4);
    return true;
  }
  if (inet_pton(AF_INET6, terminated.c_str(), raw) != 1) return false;
  out.append(raw, 16);
  return true;
}

bool AppendUuidText(std::string_view text, bool time_based, std::string& out) {
  const auto uuid = Uuid::Parse(text);
  if (!uuid || (time_based && uuid->bytes[6] >> 4 != 1)) return false;
  out.append(reinterpret_cast<const char*>(uuid->bytes.data()), uuid->bytes.size());
  return true;
}

void AppendCqlVarint(Int128 number, std::string& out) {
  int size = 16;
  // Leading bytes that only repeat the sign are left out.
  while (size > 1 && (number >> (size * 8 - 9) == 0 || number >> (size * 8 - 9) == -1)) --size;
  for (int i = size - 1; i >= 0; --i) out.push_back(static_cast<char>(number >> (i * 8)));
}

void AppendCqlDecimal(Int128 unscaled, int scale, std::string& out) {
  while (scale > 0 && unscaled % 10 == 0) {
    unscaled /= 10;
    --scale;
  }
  AppendBig(out, static_cast<int32_t>(scale));
  AppendCqlVarint(unscaled, out);
}

bool ParseCqlVarint(std::string_view bytes, Int128& number) {
  if (bytes.empty() || bytes.size() > 16) return false;
  unsigned __int128 bits =
      static_cast<int8_t>(bytes[0]) < 0 ? ~static_cast<unsigned __int128>(0) : 0;
  for (char byte : bytes) bits = bits << 8 | static_cast<uint8_t>(byte);
  number = static_cast<Int128>(bits);
  return true;
}

bool ParseCqlDecimal(std::string_view bytes, Int128& at_scale_18) {
  ByteReader from(bytes);
  const auto scale = from.Big<int32_t>();
  if (!from.ok() || !ParseCqlVarint(from.Rest(), at_scale_18)) return false;
  if (scale > kReadScale || scale < -38) return at_scale_18 == 0;
  for (int i = scale; i < kReadScale; ++i)
    if (__builtin_mul_overflow(at_scale_18, Int128{10}, &at_scale_18)) return false;
  return true;
}

Status AppendCqlValue(const DataType& from, const Value& value, const CqlType& to,
                      std::string& out) {
  switch (to.kind) {
    case CqlKind::kList:
      AppendBig(out, static_cast<int32_t>(value.list().size()));
      for (const Value& item : value.list())
        MR_TRY(AppendSized(from.element(), item, to.arguments[0], false, out));
      return {};
    case CqlKind::kSet:
      return AppendSet(from, value, to, out);
    case CqlKind::kMap:
      return AppendMap(from, value, to, out);
    case CqlKind::kTuple:
    case CqlKind::kUserType:
      for (size_t i = 0; i < to.arguments.size(); ++i)
        MR_TRY(AppendSized(*from.fields()[i].type, value.list()[i], to.arguments[i], true, out));
      return {};
    default:
      return AppendScalar(from, value, to, out);
  }
}

Result<Value> DecodeCqlValue(const CqlType& type, std::string_view bytes) {
  if (type.fixed_size() != 0 && bytes.size() != type.fixed_size())
    return Fail(ErrorCode::kDamaged, "a stored {} has {} bytes", type.ToString(), bytes.size());
  const char* at = bytes.data();
  switch (type.kind) {
    case CqlKind::kTinyint:
      return Value::Int(static_cast<int8_t>(*at));
    case CqlKind::kSmallint:
      return Value::Int(LoadBig<int16_t>(at));
    case CqlKind::kInt:
      return Value::Int(LoadBig<int32_t>(at));
    case CqlKind::kBigint:
    case CqlKind::kTime:
      return Value::Int(LoadBig<int64_t>(at));
    case CqlKind::kTimestamp:
      return Value::Int(LoadBig<int64_t>(at) * 1000);
    case CqlKind::kDate:
      return Value::Int(static_cast<int32_t>(LoadBig<uint32_t>(at) - kDateBias));
    case CqlKind::kBoolean:
      return Value::Bool(*at != 0);
    case CqlKind::kFloat:
      return Value::Double(std::bit_cast<float>(LoadBig<uint32_t>(at)));
    case CqlKind::kDouble:
      return Value::Double(std::bit_cast<double>(LoadBig<uint64_t>(at)));
    case CqlKind::kVarint:
    case CqlKind::kDecimal:
      return DecodeNumber(type, bytes);
    case CqlKind::kUuid:
    case CqlKind::kTimeuuid: {
      Uuid uuid;
      std::copy(bytes.begin(), bytes.end(), uuid.bytes.begin());
      return Value::String(uuid.ToString());
    }
    case CqlKind::kInet:
      return DecodeInet(bytes);
    case CqlKind::kList:
    case CqlKind::kSet:
    case CqlKind::kMap:
    case CqlKind::kTuple:
    case CqlKind::kUserType:
      return DecodeNested(type, bytes);
    default:
      return Value::String(std::string(bytes));
  }
}

}  // namespace millrace::store
