#include "store/cell_encoder.h"

#include <bit>

#include "base/bytes.h"
#include "store/cql_value.h"

namespace millrace::store {
namespace {

using data::Column;
using data::TypeKind;

int64_t IntegerAt(const Column& column, size_t at) {
  switch (data::ValueWidth(column.type().kind())) {
    case 1:
      return column.Values<int8_t>()[at];
    case 2:
      return column.Values<int16_t>()[at];
    case 4:
      return column.Values<int32_t>()[at];
    default:
      return column.Values<int64_t>()[at];
  }
}

double RealAt(const Column& column, size_t at) {
  switch (column.type().kind()) {
    case TypeKind::kFloat:
      return column.Values<float>()[at];
    case TypeKind::kDouble:
      return column.Values<double>()[at];
    default:
      return static_cast<double>(IntegerAt(column, at));
  }
}

}  // namespace

CellEncoder::CellEncoder(const data::DataType& from, const CqlType& to)
    : from_(from),
      to_(to),
      fixed_size_(to.fixed_size()),
      plain_text_(to.kind == CqlKind::kText || to.kind == CqlKind::kVarchar ||
                  to.kind == CqlKind::kBlob) {}

bool CellEncoder::Append(const Column& column, size_t row, std::string& out,
                         std::string& why) const {
  const size_t at = row * column.Stride();
  switch (to_.kind) {
    case CqlKind::kText:
    case CqlKind::kVarchar:
    case CqlKind::kBlob:
      out.append(column.Values<std::string_view>()[at]);
      return true;
    case CqlKind::kUuid:
    case CqlKind::kTimeuuid:
      if (AppendUuidText(column.Values<std::string_view>()[at], to_.kind == CqlKind::kTimeuuid,
                         out))
        return true;
      break;
    case CqlKind::kInt:
      AppendBig(out, static_cast<int32_t>(IntegerAt(column, at)));
      return true;
    case CqlKind::kBigint:
      AppendBig(out, IntegerAt(column, at));
      return true;
    case CqlKind::kSmallint:
      AppendBig(out, static_cast<int16_t>(IntegerAt(column, at)));
      return true;
    case CqlKind::kTinyint:
      out.push_back(static_cast<char>(IntegerAt(column, at)));
      return true;
    case CqlKind::kBoolean:
      out.push_back(static_cast<char>(column.Values<uint8_t>()[at]));
      return true;
    case CqlKind::kTimestamp:
      AppendBig(out, MillisOfMicros(column.Values<int64_t>()[at]));
      return true;
    case CqlKind::kDate:
      AppendBig(out, static_cast<uint32_t>(column.Values<int32_t>()[at]) + kDateBias);
      return true;
    case CqlKind::kFloat:
      AppendBig(out, std::bit_cast<uint32_t>(static_cast<float>(RealAt(column, at))));
      return true;
    case CqlKind::kDouble:
      AppendBig(out, std::bit_cast<uint64_t>(RealAt(column, at)));
      return true;
    default:
      break;
  }
  return AppendGeneral(column, row, out, why);
}

bool CellEncoder::AppendSized(const Column& column, size_t row, std::string& out,
                              std::string& why) const {
  const size_t before = out.size();
  if (fixed_size_ != 0 || plain_text_) {
    AppendVarint(out, plain_text_ ? column.Values<std::string_view>()[row * column.Stride()].size()
                                  : fixed_size_);
    if (Append(column, row, out, why)) return true;
    out.resize(before);
    return false;
  }
  std::string value;
  if (!Append(column, row, value, why)) return false;
  AppendVarint(out, value.size());
  out.append(value);
  return true;
}

bool CellEncoder::AppendGeneral(const Column& column, size_t row, std::string& out,
                                std::string& why) const {
  const size_t before = out.size();
  const Status status = AppendCqlValue(from_, column.ValueAt(row), to_, out);
  if (status) return true;
  out.resize(before);
  why = status.error().message;
  return false;
}

}  // namespace millrace::store
