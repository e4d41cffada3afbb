#include "engine/cast.h"

#include "engine/cast_element.h"

namespace millrace::engine {

using data::Column;
using data::ColumnPtr;
using data::DataType;
using data::RowErrors;
using data::RowSet;
using data::TypeKind;
using sql::CastMode;

namespace {

std::string SqlName(const DataType& type) { return '"' + type.ToDdl() + '"'; }

// The value as Spark's messages show it: text in quotes, other types as literals.
std::string ShownValue(const CastCall& call, size_t row) {
  std::string text;
  AppendAsText(*call.input, row, TimeZone::Utc(), text);
  constexpr size_t kShownMax = 200;
  if (text.size() > kShownMax) text = text.substr(0, kShownMax) + "...";
  switch (call.input->type().kind()) {
    case TypeKind::kString:
    case TypeKind::kBinary:
      return '\'' + text + '\'';
    case TypeKind::kTinyint:
      return text + 'Y';
    case TypeKind::kSmallint:
      return text + 'S';
    case TypeKind::kBigint:
      return text + 'L';
    case TypeKind::kDouble:
      return text + 'D';
    case TypeKind::kDecimal:
      return text + "BD";
    case TypeKind::kDate:
      return "DATE '" + text + '\'';
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampNtz:
      return "TIMESTAMP '" + text + '\'';
    default:
      return text;
  }
}

ColumnPtr SameValues(const CastCall& call) { return call.input; }

Result<CastFunction> MakeFlatCast(const CastSpec& spec) {
  if (spec.from == spec.to) return SameValues;
  if (spec.from.kind() == TypeKind::kNull) {
    return [type = spec.to](const CastCall& call) {
      return Column::Constant(type, data::Value::Null(), call.input->length());
    };
  }
  CastFunction cast;
  if (spec.to.is_string_like()) {
    cast = MakeToTextCast(spec);
  } else if (spec.from.kind() == TypeKind::kString) {
    cast = MakeTextCast(spec);
  } else if (spec.from.is_nested() || spec.to.is_nested()) {
    return MakeNestedCast(spec);
  } else {
    cast = MakeNumberCast(spec);
    if (!cast) cast = MakeTimeCast(spec);
  }
  if (cast) return cast;
  return Fail(ErrorCode::kUnsupported, "there is no cast from {} to {}", spec.from.ToDdl(),
              spec.to.ToDdl());
}

// Constant columns are converted once; what fails there fails every row asked for.
ColumnPtr CastConstant(const CastFunction& cast, const CastCall& call) {
  const ColumnPtr one = Column::Flatten(Column::AsConstant(call.input, 1));
  RowErrors errors(1);
  const ColumnPtr result = cast({one, RowSet::All(1), call.context, errors});
  for (const data::RowError& error : errors.errors()) {
    call.rows.ForEach([&](size_t row) { call.errors.Add(row, error.condition, error.message); });
  }
  return Column::AsConstant(result, call.input->length());
}

}  // namespace

void RefuseRow(const CastSpec& spec, const CastCall& call, CastOutcome why, size_t row,
               data::ColumnBuilder& out) {
  out.SetNull(row);
  if (spec.mode != CastMode::kAnsi) return;
  constexpr std::string_view kTolerate = "Use `try_cast` to tolerate {} and return NULL instead.";
  const std::string value = ShownValue(call, row);
  if (why == CastOutcome::kMalformed) {
    call.errors.Add(row, "CAST_INVALID_INPUT",
                    fmt::format("The value {} of the type {} cannot be cast to {} because it is "
                                "malformed. Correct the value as per the syntax, or change its "
                                "target type. {}",
                                value, SqlName(spec.from), SqlName(spec.to),
                                fmt::format(kTolerate, "malformed input")));
  } else if (why == CastOutcome::kOverflow) {
    call.errors.Add(row, "CAST_OVERFLOW",
                    fmt::format("The value {} of the type {} cannot be cast to {} due to an "
                                "overflow. {}",
                                value, SqlName(spec.from), SqlName(spec.to),
                                fmt::format(kTolerate, "overflow")));
  } else {
    call.errors.Add(
        row, "NUMERIC_VALUE_OUT_OF_RANGE",
        fmt::format("{} cannot be represented as Decimal({}, {}). {}", value, spec.to.precision(),
                    spec.to.scale(), fmt::format(kTolerate, "overflow")));
  }
}

Result<CastFunction> MakeCast(const DataType& from, const DataType& to, CastMode mode) {
  MR_ASSIGN(CastFunction cast, MakeFlatCast({from, to, mode}));
  return [cast = std::move(cast)](const CastCall& call) {
    if (call.input->is_constant() && call.input->length() > 0) return CastConstant(cast, call);
    return cast(call);
  };
}

Result<data::Value> CastValue(const data::Value& value, const DataType& from, const DataType& to,
                              CastMode mode, const EvalContext& context) {
  MR_ASSIGN(const CastFunction cast, MakeCast(from, to, mode));
  RowErrors errors(1);
  const ColumnPtr input = data::ColumnFromValues(from, {&value, 1});
  const ColumnPtr result = cast({input, RowSet::All(1), context, errors});
  if (!errors.empty()) {
    const data::RowError& error = errors.errors()[0];
    return Fail(ErrorCode::kInvalidArgument, "[{}] {}", error.condition, error.message);
  }
  return result->ValueAt(0);
}

TimeZone ZoneOf(const EvalContext& context) {
  if (context.zone == "UTC") return TimeZone::Utc();
  auto zone = TimeZone::Find(context.zone);
  return zone ? std::move(*zone) : TimeZone::Utc();
}

}  // namespace millrace::engine
