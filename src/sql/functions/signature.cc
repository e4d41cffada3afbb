#include "sql/functions/signature.h"

#include <algorithm>
#include <optional>
#include <span>
#include <vector>

#include "sql/coercion.h"

namespace millrace::sql {

using data::DataType;
using data::TypeKind;

namespace {

std::optional<DataType> CoerceTo(const Argument& argument, const DataType& type) {
  if (argument.type == type || argument.type.kind() == TypeKind::kNull) return type;
  if (CanCoerce(argument.type, type)) return type;
  return std::nullopt;
}

std::optional<DataType> AcceptNumeric(const Argument& argument) {
  if (argument.type.is_numeric()) return argument.type;
  return CoerceTo(argument, DataType::Double());
}

std::optional<DataType> AcceptDoubleOrLong(const Argument& argument) {
  if (argument.type.kind() == TypeKind::kDecimal) return argument.type;
  return argument.type.is_integral() ? DataType::Bigint() : CoerceTo(argument, DataType::Double());
}

// Unchanged when `fits`; an untyped NULL becomes `null_type`.
std::optional<DataType> AcceptIf(bool fits, const Argument& argument, const DataType& null_type) {
  if (argument.type.kind() == TypeKind::kNull) return null_type;
  return fits ? std::optional(argument.type) : std::nullopt;
}

Result<Signature> Accept(const std::vector<Parameter>& parameters, std::span<const Argument> args,
                         const ResultRule& result) {
  Signature signature;
  for (size_t i = 0; i < args.size(); ++i) {
    auto type = parameters[i].Accept(args[i]);
    if (!type) return WrongType(i, parameters[i].Wanted(), args[i].type);
    signature.arguments.push_back(*std::move(type));
  }
  signature.result = result.Of(signature.arguments);
  return signature;
}

}  // namespace

std::optional<DataType> Parameter::Accept(const Argument& argument) const {
  const DataType& type = argument.type;
  switch (class_) {
    case Class::kExact:
      return CoerceTo(argument, type_);
    case Class::kAny:
      return type;
    case Class::kNumeric:
      return AcceptNumeric(argument);
    case Class::kIntegral:
      return type.is_integral() ? std::optional(type) : CoerceTo(argument, DataType::Bigint());
    case Class::kDoubleOrLong:
      return AcceptDoubleOrLong(argument);
    case Class::kText:
      return type.is_string_like() ? std::optional(type) : CoerceTo(argument, DataType::String());
    case Class::kMoment:
      return type.is_datetime() ? std::optional(type) : CoerceTo(argument, DataType::Timestamp());
    case Class::kArray:
      return AcceptIf(type.kind() == TypeKind::kArray, argument, DataType::Array(DataType::Null()));
    case Class::kMap:
      return AcceptIf(type.kind() == TypeKind::kMap, argument,
                      DataType::Map(DataType::Null(), DataType::Null()));
    case Class::kStruct:
      return AcceptIf(type.kind() == TypeKind::kStruct, argument, DataType::Struct({}));
    case Class::kCollection:
      return AcceptIf(type.kind() == TypeKind::kArray || type.kind() == TypeKind::kMap, argument,
                      DataType::Array(DataType::Null()));
    case Class::kOrderable:
      return IsOrderable(type) ? std::optional(type) : std::nullopt;
    case Class::kLambda:
      return argument.is_lambda ? std::optional(type) : std::nullopt;
  }
  return std::nullopt;
}

std::string Parameter::Wanted() const {
  switch (class_) {
    case Class::kExact:
      return type_.ToDdl();
    case Class::kAny:
      return "any value";
    case Class::kNumeric:
    case Class::kDoubleOrLong:
      return "a number";
    case Class::kIntegral:
      return "a whole number";
    case Class::kText:
      return "STRING or BINARY";
    case Class::kMoment:
      return "DATE or TIMESTAMP";
    case Class::kArray:
      return "an ARRAY";
    case Class::kMap:
      return "a MAP";
    case Class::kStruct:
      return "a STRUCT";
    case Class::kCollection:
      return "an ARRAY or a MAP";
    case Class::kOrderable:
      return "a value that can be ordered";
    case Class::kLambda:
      return "a lambda, e.g. x -> x + 1";
  }
  return "";
}

ResultRule SameAs(size_t index) {
  return ResultRule([index](Types types) { return types[index]; });
}
ResultRule ElementOf(size_t index) {
  return ResultRule([index](Types types) { return types[index].element(); });
}
ResultRule ArrayOf(size_t index) {
  return ResultRule([index](Types types) { return DataType::Array(types[index]); });
}
ResultRule KeysOf(size_t index) {
  return ResultRule([index](Types types) { return DataType::Array(types[index].key(), false); });
}
ResultRule ValuesOf(size_t index) {
  return ResultRule([index](Types types) { return DataType::Array(types[index].map_value()); });
}

Resolver Fixed(std::vector<Parameter> parameters, ResultRule result, size_t optional) {
  return [parameters = std::move(parameters), result = std::move(result),
          optional](std::span<const Argument> args) -> Result<Signature> {
    const size_t most = parameters.size();
    const size_t least = most - optional;
    if (args.size() < least || args.size() > most) {
      return WrongCount(
          least == most ? fmt::format("{}", most) : fmt::format("{} to {}", least, most),
          args.size());
    }
    return Accept(parameters, args, result);
  };
}

Resolver Variadic(std::vector<Parameter> head, Parameter tail, ResultRule result, size_t min_tail) {
  return [head = std::move(head), tail = std::move(tail), result = std::move(result),
          min_tail](std::span<const Argument> args) -> Result<Signature> {
    const size_t least = head.size() + min_tail;
    if (args.size() < least) return WrongCount(fmt::format("at least {}", least), args.size());
    std::vector<Parameter> parameters = head;
    parameters.resize(std::max(args.size(), head.size()), tail);
    return Accept(parameters, args, result);
  };
}

Resolver Common(size_t min_count, Parameter accepted, ResultRule result, size_t max_count) {
  return [min_count, accepted = std::move(accepted), result = std::move(result),
          max_count](std::span<const Argument> args) -> Result<Signature> {
    if (args.size() < min_count || args.size() > max_count) {
      return WrongCount(min_count == max_count ? fmt::format("{}", min_count)
                                               : fmt::format("at least {}", min_count),
                        args.size());
    }
    std::vector<DataType> types;
    for (size_t i = 0; i < args.size(); ++i) {
      auto type = accepted.Accept(args[i]);
      if (!type) return WrongType(i, accepted.Wanted(), args[i].type);
      types.push_back(args[i].type.kind() == TypeKind::kNull ? args[i].type : *std::move(type));
    }
    const auto common = CommonType(types);
    if (!common) {
      return Fail(ErrorCode::kInvalidArgument, "the arguments have no common type: {} and {}",
                  args[0].type.ToDdl(), args.back().type.ToDdl());
    }
    Signature signature;
    signature.arguments.assign(args.size(), *common);
    signature.result = result.Of(signature.arguments);
    return signature;
  };
}

Resolver ArrayAndElements(size_t elements, std::vector<Parameter> others, ResultRule result) {
  return [elements, others = std::move(others),
          result = std::move(result)](std::span<const Argument> args) -> Result<Signature> {
    if (args.size() != 1 + elements + others.size())
      return WrongCount(fmt::format("{}", 1 + elements + others.size()), args.size());
    const auto array = Parameter(kAnyArray).Accept(args[0]);
    if (!array) return WrongType(0, "an ARRAY", args[0].type);
    DataType element = array->element();
    for (size_t i = 1; i <= elements; ++i) {
      const auto common = CommonType(element, args[i].type);
      if (!common) return WrongType(i, element.ToDdl(), args[i].type);
      element = *common;
    }
    Signature signature;
    signature.arguments = {DataType::Array(element)};
    signature.arguments.resize(1 + elements, element);
    for (size_t i = 0; i < others.size(); ++i) {
      const size_t at = 1 + elements + i;
      auto type = others[i].Accept(args[at]);
      if (!type) return WrongType(at, others[i].Wanted(), args[at].type);
      signature.arguments.push_back(*std::move(type));
    }
    signature.result = result.Of(signature.arguments);
    return signature;
  };
}

Resolver ArraysOfCommonType(size_t min_count, size_t max_count, ResultRule result) {
  return Common(min_count, kAnyArray, std::move(result), max_count);
}

Result<std::vector<DataType>> ElementAndIndex(std::span<const Argument> args, size_t index) {
  if (args.empty() || args[0].type.kind() != TypeKind::kArray)
    return WrongType(0, "an ARRAY", args.empty() ? DataType() : args[0].type);
  if (index != 1) return WrongCount("one lambda", index);
  return std::vector<DataType>{args[0].type.element(), DataType::Int()};
}

Result<std::vector<DataType>> KeyAndValue(std::span<const Argument> args, size_t index) {
  if (args.empty() || args[0].type.kind() != TypeKind::kMap)
    return WrongType(0, "a MAP", args.empty() ? DataType() : args[0].type);
  if (index != 1) return WrongCount("one lambda", index);
  return std::vector<DataType>{args[0].type.key(), args[0].type.map_value()};
}

std::unexpected<Error> WrongCount(std::string_view wanted, size_t count) {
  return Fail(ErrorCode::kNotFound, "needs {} arguments, got {}", wanted, count);
}

std::unexpected<Error> WrongType(size_t index, std::string_view wanted, const DataType& type) {
  return Fail(ErrorCode::kInvalidArgument, "argument {} must be {}, is {}", index + 1, wanted,
              type.ToDdl());
}

bool IsOrderable(const DataType& type) {
  if (type.kind() == TypeKind::kMap) return false;
  for (const data::Field& field : type.fields()) {
    if (!IsOrderable(*field.type)) return false;
  }
  return true;
}

std::optional<DataType> AsDecimal(const Argument& argument) {
  if (argument.type.kind() == TypeKind::kDecimal) return argument.type;
  if (!argument.type.is_integral()) return std::nullopt;
  if (argument.literal == nullptr || argument.literal->is_null()) return DecimalFor(argument.type);
  int digits = 1;
  for (int64_t rest = argument.literal->integer() / 10; rest != 0; rest /= 10) ++digits;
  return DataType::Decimal(digits, 0);
}

}  // namespace millrace::sql
