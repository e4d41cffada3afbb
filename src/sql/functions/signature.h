// The few ways in which a built-in function states which arguments it takes and what it returns.
// A table row picks one of these instead of writing a resolver of its own:
//
//   Fixed({kString, kInt, kInt}, kString, 1)      substring(str, pos[, len])
//   Variadic({kString}, kString, kString)         concat_ws(sep, str...)
//   Common(2, kAnyNumber, SameAs(0))              greatest(a, b...)
//
// Every resolver is pure and may be called from any thread. Errors are kInvalidArgument and name
// the argument by its position; the registry adds the function's usage.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "data/type.h"
#include "sql/function.h"

namespace millrace::sql {

using Resolver = std::function<Result<Signature>(std::span<const Argument>)>;
using LambdaTypes =
    std::function<Result<std::vector<data::DataType>>(std::span<const Argument>, size_t index)>;
using Types = std::span<const data::DataType>;

// What one argument may be: one type (with implicit conversion to it), or a class of types.
class Parameter {
 public:
  enum class Class : uint8_t {
    kExact,
    kAny,           // unchanged
    kNumeric,       // unchanged when numeric; strings and NULL become DOUBLE
    kIntegral,      // unchanged when integral; others that fit become BIGINT
    kDoubleOrLong,  // integral to BIGINT, decimals unchanged, others DOUBLE
    kText,          // STRING or BINARY unchanged, others become STRING
    kMoment,        // DATE, TIMESTAMP, TIMESTAMP_NTZ unchanged; strings become TIMESTAMP
    kArray,
    kMap,
    kStruct,
    kCollection,  // array or map
    kOrderable,   // anything that can be compared by <
    kLambda,
  };

  Parameter(const data::DataType& type)  // NOLINT: a type is the usual parameter
      : class_(Class::kExact), type_(type) {}
  Parameter(Class parameter_class)  // NOLINT
      : class_(parameter_class) {}

  // The type the argument is to be cast to, or nullopt when it cannot stand here.
  std::optional<data::DataType> Accept(const Argument& argument) const;
  // For messages: "STRING", "a number".
  std::string Wanted() const;

 private:
  Class class_;
  data::DataType type_;
};

inline const data::DataType kBoolean = data::DataType::Boolean();
inline const data::DataType kInt = data::DataType::Int();
inline const data::DataType kBigint = data::DataType::Bigint();
inline const data::DataType kDouble = data::DataType::Double();
inline const data::DataType kString = data::DataType::String();
inline const data::DataType kBinary = data::DataType::Binary();
inline const data::DataType kDate = data::DataType::Date();
inline const data::DataType kTimestamp = data::DataType::Timestamp();
inline const data::DataType kTimestampNtz = data::DataType::TimestampNtz();
inline constexpr auto kAny = Parameter::Class::kAny;
inline constexpr auto kAnyNumber = Parameter::Class::kNumeric;
inline constexpr auto kAnyIntegral = Parameter::Class::kIntegral;
inline constexpr auto kDoubleOrLong = Parameter::Class::kDoubleOrLong;
inline constexpr auto kText = Parameter::Class::kText;
inline constexpr auto kMoment = Parameter::Class::kMoment;
inline constexpr auto kAnyArray = Parameter::Class::kArray;
inline constexpr auto kAnyMap = Parameter::Class::kMap;
inline constexpr auto kAnyStruct = Parameter::Class::kStruct;
inline constexpr auto kCollection = Parameter::Class::kCollection;
inline constexpr auto kOrderable = Parameter::Class::kOrderable;
inline constexpr auto kAnyLambda = Parameter::Class::kLambda;

// The result's type, from the types the arguments are cast to. A plain DataType is a constant rule.
class ResultRule {
 public:
  ResultRule(const data::DataType& type)  // NOLINT
      : rule_([type](Types) { return type; }) {}
  explicit ResultRule(std::function<data::DataType(Types)> rule) : rule_(std::move(rule)) {}
  data::DataType Of(Types arguments) const { return rule_(arguments); }

 private:
  std::function<data::DataType(Types)> rule_;
};
ResultRule SameAs(size_t index);
ResultRule ElementOf(size_t index);  // element of the array at `index`
ResultRule ArrayOf(size_t index);    // array whose elements have the type of argument `index`
ResultRule KeysOf(size_t index);     // array of the map's keys
ResultRule ValuesOf(size_t index);   // array of the map's values

// These parameters in this order; the last `optional` of them may be left out.
Resolver Fixed(std::vector<Parameter> parameters, ResultRule result, size_t optional = 0);
// `head`, then any number (at least `min_tail`) of `tail`.
Resolver Variadic(std::vector<Parameter> head, Parameter tail, ResultRule result,
                  size_t min_tail = 0);
// At least `min_count` arguments of class `accepted`, all cast to their common type.
Resolver Common(size_t min_count, Parameter accepted, ResultRule result,
                size_t max_count = SIZE_MAX);
// Array, then `elements` arguments of the array's element type (widened to the common type), with
// `others` after.
Resolver ArrayAndElements(size_t elements, std::vector<Parameter> others, ResultRule result);
// Two arrays (or more, with `max_count`) of a common type.
Resolver ArraysOfCommonType(size_t min_count, size_t max_count, ResultRule result);

// Each lambda parameter has the type of the element of argument 0, then INT (its position).
Result<std::vector<data::DataType>> ElementAndIndex(std::span<const Argument> args, size_t index);
// Key and value of the map at argument 0.
Result<std::vector<data::DataType>> KeyAndValue(std::span<const Argument> args, size_t index);

// Error of a wrong number of arguments: "needs {wanted}, got {count}".
// kNotFound, by which it is told from arguments of a wrong type (kInvalidArgument).
std::unexpected<Error> WrongCount(std::string_view wanted, size_t count);
// Error of an argument of a wrong type: "argument 2 must be STRING, is MAP<...>".
std::unexpected<Error> WrongType(size_t index, std::string_view wanted, const data::DataType& type);

bool IsOrderable(const data::DataType& type);
// The decimal type that holds this numeric argument exactly (a literal by its own digits), or
// nullopt when it is not exact (FLOAT, DOUBLE).
std::optional<data::DataType> AsDecimal(const Argument& argument);

}  // namespace millrace::sql
