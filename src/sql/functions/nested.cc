#include <span>
#include <vector>

#include "sql/coercion.h"
#include "sql/functions/tables.h"

namespace millrace::sql {
namespace {

using data::DataType;
using data::TypeKind;

const ResultRule kFlattened = ResultRule([](Types types) { return types[0].element(); });

FunctionTraits Handled() { return {.null_rule = NullRule::kHandled}; }

Result<Signature> ResolveElementAt(std::span<const Argument> args) {
  if (args.size() != 2) return WrongCount("2", args.size());
  if (args[0].type.kind() == TypeKind::kArray) return Fixed({kAnyArray, kInt}, ElementOf(0))(args);
  if (args[0].type.kind() != TypeKind::kMap) return WrongType(0, "an ARRAY or a MAP", args[0].type);
  const auto key = CommonType(args[0].type.key(), args[1].type);
  if (!key) return WrongType(1, args[0].type.key().ToDdl(), args[1].type);
  Signature signature;
  signature.arguments = {DataType::Map(*key, args[0].type.map_value()), *key};
  signature.result = args[0].type.map_value();
  return signature;
}

Result<Signature> ResolveFlatten(std::span<const Argument> args) {
  if (args.size() == 1 && args[0].type.kind() == TypeKind::kArray &&
      args[0].type.element().kind() != TypeKind::kArray)
    return WrongType(0, "an ARRAY of ARRAYs", args[0].type);
  return Fixed({kAnyArray}, kFlattened)(args);
}

// Whole numbers, or dates and timestamps with an interval or days as step.
Result<Signature> ResolveSequence(std::span<const Argument> args) {
  if (args.size() < 2 || args.size() > 3) return WrongCount("2 to 3", args.size());
  const auto common = CommonType(args[0].type, args[1].type);
  if (!common || !(common->is_integral() || common->is_datetime()))
    return WrongType(0, "a whole number, DATE or TIMESTAMP", args[0].type);
  Signature signature;
  signature.arguments = {*common, *common};
  signature.result = DataType::Array(*common, false);
  if (args.size() == 2) return signature;
  const bool interval = common->is_datetime();
  if (interval ? !args[2].type.is_interval() : !args[2].type.is_integral())
    return WrongType(2, interval ? "an INTERVAL" : "a whole number", args[2].type);
  signature.arguments.push_back(interval ? args[2].type : *common);
  return signature;
}

Result<Signature> ResolveArraysZip(std::span<const Argument> args) {
  MR_ASSIGN(Signature signature, Variadic({}, kAnyArray, kString, 1)(args));
  std::vector<data::Field> fields;
  for (size_t i = 0; i < args.size(); ++i)
    fields.emplace_back(fmt::format("{}", i), signature.arguments[i].element());
  signature.result = DataType::Array(DataType::Struct(std::move(fields)), false);
  return signature;
}

Result<Signature> ResolveArrayJoin(std::span<const Argument> args) {
  return Fixed({DataType::Array(kString), kString, kString}, kString, 1)(args);
}

// aggregate(array, start, merge[, finish]): the accumulator has the merge lambda's type.
Result<Signature> ResolveAggregate(std::span<const Argument> args) {
  MR_ASSIGN(Signature signature,
            Fixed({kAnyArray, kAny, kAnyLambda, kAnyLambda}, SameAs(1), 1)(args));
  const auto state = CommonType(args[1].type, args[2].type);
  if (!state || *state != args[2].type) return WrongType(1, args[2].type.ToDdl(), args[1].type);
  signature.arguments[1] = *state;
  signature.result = args.size() == 4 ? args[3].type : *state;
  return signature;
}

Result<std::vector<DataType>> AggregateLambda(std::span<const Argument> args, size_t index) {
  if (args.size() < 2 || args[0].type.kind() != TypeKind::kArray)
    return WrongType(0, "an ARRAY", args.empty() ? DataType() : args[0].type);
  if (index == 2) return std::vector<DataType>{args[1].type, args[0].type.element()};
  return std::vector<DataType>{args[1].type};
}

Result<std::vector<DataType>> TwoElements(std::span<const Argument> args, size_t) {
  for (size_t i = 0; i < 2; ++i) {
    if (i >= args.size() || args[i].type.kind() != TypeKind::kArray)
      return WrongType(i, "an ARRAY", i < args.size() ? args[i].type : DataType());
  }
  return std::vector<DataType>{args[0].type.element(), args[1].type.element()};
}

Result<std::vector<DataType>> SortLambda(std::span<const Argument> args, size_t) {
  if (args.empty() || args[0].type.kind() != TypeKind::kArray)
    return WrongType(0, "an ARRAY", args.empty() ? DataType() : args[0].type);
  return std::vector<DataType>{args[0].type.element(), args[0].type.element()};
}

Result<std::vector<DataType>> ZipMaps(std::span<const Argument> args, size_t) {
  if (args.size() < 2 || args[0].type.kind() != TypeKind::kMap ||
      args[1].type.kind() != TypeKind::kMap)
    return WrongType(0, "two MAPs", args.empty() ? DataType() : args[0].type);
  return std::vector<DataType>{args[0].type.key(), args[0].type.map_value(),
                               args[1].type.map_value()};
}

const ResultRule kLambdaArray =
    ResultRule([](Types types) { return DataType::Array(types.back()); });

const FunctionRow kArrayRows[] = {
    {"array(a, ...)", "An array of the arguments.", "array(1, 2, 3) => [1, 2, 3]",
     [](std::span<const Argument> args) -> Result<Signature> {
       if (args.empty()) return Fixed({}, DataType::Array(DataType::Null()))(args);
       return Common(1, kAny, ArrayOf(0))(args);
     },
     Handled()},
    {"size(collection)",
     "Number of elements or entries; NULL of NULL.",
     "size(array('b', 'd', 'c', 'a')) => 4",
     Fixed({kCollection}, kInt),
     {.aliases = {"cardinality"}}},
    {"array_size(array)", "Number of elements.", "array_size(array('b', 'd', 'c', 'a')) => 4",
     Fixed({kAnyArray}, kInt)},
    {"element_at(collection, key)",
     "Element of an array from 1, from the end when negative; value of a map's key.",
     "element_at(array(1, 2, 3), 2) => 2", ResolveElementAt},
    {"try_element_at(collection, key)", "As element_at, but NULL outside the array.",
     "try_element_at(array(1, 2, 3), 4) => NULL", ResolveElementAt},
    {"get(array, i)", "Element i from 0; NULL outside the array.", "get(array(1, 2, 3), 0) => 1",
     Fixed({kAnyArray, kInt}, ElementOf(0))},
    {"array_contains(array, value)", "Whether value is an element; NULL when unknown.",
     "array_contains(array(1, 2, 3), 2) => true", ArrayAndElements(1, {}, kBoolean)},
    {"array_position(array, value)", "Position of the first such element, from 1; 0 when absent.",
     "array_position(array(312, 773, 708, 708), 708) => 3", ArrayAndElements(1, {}, kBigint)},
    {"array_distinct(array)", "Elements without repetitions.",
     "array_distinct(array(1, 2, 3, NULL, 3)) => [1, 2, 3, NULL]", Fixed({kAnyArray}, SameAs(0))},
    {"array_union(a, b)", "Elements of both arrays without repetitions.",
     "array_union(array(1, 2, 3), array(1, 3, 5)) => [1, 2, 3, 5]",
     ArraysOfCommonType(2, 2, SameAs(0))},
    {"array_intersect(a, b)", "Elements that both arrays have, without repetitions.",
     "array_intersect(array(1, 2, 3), array(1, 3, 5)) => [1, 3]",
     ArraysOfCommonType(2, 2, SameAs(0))},
    {"array_except(a, b)", "Elements of a that b has not, without repetitions.",
     "array_except(array(1, 2, 3), array(1, 3, 5)) => [2]", ArraysOfCommonType(2, 2, SameAs(0))},
    {"arrays_overlap(a, b)", "Whether they share an element that is not NULL; NULL when unknown.",
     "arrays_overlap(array(1, 2, 3), array(3, 4, 5)) => true", ArraysOfCommonType(2, 2, kBoolean)},
    {"array_join(array, delimiter[, null_text])", "Elements as text, joined.",
     "array_join(array('hello', NULL, 'world'), ' ') => hello world", ResolveArrayJoin},
    {"array_max(array)", "Greatest element; NULLs are left out.",
     "array_max(array(1, 20, NULL, 3)) => 20", Fixed({kAnyArray}, ElementOf(0))},
    {"array_min(array)", "Least element; NULLs are left out.",
     "array_min(array(1, 20, NULL, 3)) => 1", Fixed({kAnyArray}, ElementOf(0))},
    {"array_remove(array, value)", "Elements other than value.",
     "array_remove(array(1, 2, 3, NULL, 3), 3) => [1, 2, NULL]",
     ArrayAndElements(1, {}, SameAs(0))},
    {"array_append(array, value)", "The array with value at its end.",
     "array_append(array('b', 'd'), 'e') => [b, d, e]", ArrayAndElements(1, {}, SameAs(0)),
     Handled()},
    {"array_prepend(array, value)", "The array with value at its start.",
     "array_prepend(array('b', 'd'), 'e') => [e, b, d]", ArrayAndElements(1, {}, SameAs(0)),
     Handled()},
    {"array_insert(array, pos, value)",
     "The array with value at position pos, from 1, from the end when negative.",
     "array_insert(array(1, 2, 3, 4), 5, 5) => [1, 2, 3, 4, 5]",
     [](std::span<const Argument> args) -> Result<Signature> {
       if (args.size() != 3) return WrongCount("3", args.size());
       const Argument reordered[] = {args[0], args[2], args[1]};
       MR_ASSIGN(Signature signature, ArrayAndElements(1, {kInt}, SameAs(0))(reordered));
       std::swap(signature.arguments[1], signature.arguments[2]);
       return signature;
     },
     Handled()},
    {"array_repeat(value, count)", "An array of count times value.",
     "array_repeat('123', 2) => [123, 123]", Fixed({kAny, kInt}, ArrayOf(0)), Handled()},
    {"array_compact(array)", "The array without its NULLs.",
     "array_compact(array(1, 2, 3, NULL)) => [1, 2, 3]", Fixed({kAnyArray}, SameAs(0))},
    {"sort_array(array[, ascending])", "Elements in order; NULLs first when ascending.",
     "sort_array(array('b', 'd', NULL, 'c', 'a'), true) => [NULL, a, b, c, d]",
     Fixed({kAnyArray, kBoolean}, SameAs(0), 1)},
    {"array_sort(array[, compare])",
     "Elements in order, NULLs last, or by a lambda (a, b) -> INT.",
     "array_sort(array('b', 'd', NULL, 'c', 'a')) => [a, b, c, d, NULL]",
     Fixed({kAnyArray, kAnyLambda}, SameAs(0), 1),
     {.lambda_types = SortLambda}},
    {"flatten(arrays)", "Elements of an array's arrays; NULL when one of those is NULL.",
     "flatten(array(array(1, 2), array(3, 4))) => [1, 2, 3, 4]", ResolveFlatten},
    {"slice(array, start, length)", "length elements from start, from the end when negative.",
     "slice(array(1, 2, 3, 4), 2, 2) => [2, 3]", Fixed({kAnyArray, kInt, kInt}, SameAs(0))},
    {"sequence(start, stop[, step])",
     "Values from start to stop.",
     "sequence(1, 5) => [1, 2, 3, 4, 5]",
     ResolveSequence,
     {.difference = "at most 1,000,000 elements a row"}},
    {"shuffle(array)",
     "The elements in random order.",
     "size(shuffle(array(1, 20, 3, 5))) => 4",
     Fixed({kAnyArray}, SameAs(0)),
     {.difference = "drawn from the record's place, as rand", .deterministic = false}},
    {"arrays_zip(a, b, ...)", "Structs of the elements at equal positions.",
     "arrays_zip(array(1, 2), array(2, 3)) => [{1, 2}, {2, 3}]", ResolveArraysZip},
    {"transform(array, lambda)",
     "The lambda's value for each element (and position).",
     "transform(array(1, 2, 3), x -> x + 1) => [2, 3, 4]",
     Fixed({kAnyArray, kAnyLambda}, kLambdaArray),
     {.lambda_types = ElementAndIndex}},
    {"filter(array, lambda)",
     "Elements for which the lambda is true.",
     "filter(array(1, 2, 3), x -> x % 2 = 1) => [1, 3]",
     Fixed({kAnyArray, kAnyLambda}, SameAs(0)),
     {.lambda_types = ElementAndIndex}},
    {"exists(array, lambda)",
     "Whether the lambda is true for an element.",
     "exists(array(1, 2, 3), x -> x % 2 = 0) => true",
     Fixed({kAnyArray, kAnyLambda}, kBoolean),
     {.lambda_types = ElementAndIndex}},
    {"forall(array, lambda)",
     "Whether the lambda is true for every element.",
     "forall(array(1, 2, 3), x -> x % 2 = 0) => false",
     Fixed({kAnyArray, kAnyLambda}, kBoolean),
     {.lambda_types = ElementAndIndex}},
    {"aggregate(array, start, merge[, finish])",
     "start merged with each element in turn, then finished.",
     "aggregate(array(1, 2, 3), 0, (acc, x) -> acc + x) => 6",
     ResolveAggregate,
     {.aliases = {"reduce"}, .null_rule = NullRule::kHandled, .lambda_types = AggregateLambda}},
    {"zip_with(a, b, lambda)",
     "The lambda's value for each pair of elements.",
     "zip_with(array(1, 2), array(3, 4), (x, y) -> x + y) => [4, 6]",
     Fixed({kAnyArray, kAnyArray, kAnyLambda}, kLambdaArray),
     {.lambda_types = TwoElements}},
};

// Alternating keys and values.
Result<Signature> ResolveMap(std::span<const Argument> args) {
  if (args.size() % 2 != 0) return WrongCount("an even number of", args.size());
  std::vector<DataType> keys;
  std::vector<DataType> values;
  for (size_t i = 0; i < args.size(); ++i) (i % 2 == 0 ? keys : values).push_back(args[i].type);
  const auto key = CommonType(keys);
  const auto value = CommonType(values);
  if (!args.empty() && (!key || !value))
    return Fail(ErrorCode::kInvalidArgument, "keys and values must each have a common type");
  Signature signature;
  for (size_t i = 0; i < args.size(); ++i)
    signature.arguments.push_back(i % 2 == 0 ? *key : *value);
  signature.result =
      DataType::Map(args.empty() ? DataType() : *key, args.empty() ? DataType() : *value);
  return signature;
}

Result<Signature> ResolveMapContains(std::span<const Argument> args) {
  if (args.size() == 2 && args[0].type.kind() != TypeKind::kMap)
    return WrongType(0, "a MAP", args[0].type);
  MR_ASSIGN(Signature signature, ResolveElementAt(args));
  signature.result = kBoolean;
  return signature;
}

Result<Signature> ResolveFromEntries(std::span<const Argument> args) {
  if (args.size() != 1) return WrongCount("1", args.size());
  const DataType& type = args[0].type;
  const bool entries = type.kind() == TypeKind::kArray &&
                       type.element().kind() == TypeKind::kStruct &&
                       type.element().fields().size() == 2;
  if (!entries) return WrongType(0, "an ARRAY of STRUCTs of two fields", type);
  const auto& fields = type.element().fields();
  Signature signature;
  signature.arguments = {type};
  signature.result = DataType::Map(*fields[0].type, *fields[1].type);
  return signature;
}

const ResultRule kEntries = ResultRule([](Types types) {
  return DataType::Array(DataType::Struct({data::Field("key", types[0].key(), false),
                                           {"value", types[0].map_value()}}),
                         false);
});

const FunctionRow kMapRows[] = {
    {"map(key, value, ...)", "A map of the given entries.",
     "map(1.0, '2', 3.0, '4') => {1.0 -> 2, 3.0 -> 4}", ResolveMap, Handled()},
    {"map_keys(map)", "Keys of a map.", "map_keys(map(1, 'a', 2, 'b')) => [1, 2]",
     Fixed({kAnyMap}, KeysOf(0))},
    {"map_values(map)", "Values of a map.", "map_values(map(1, 'a', 2, 'b')) => [a, b]",
     Fixed({kAnyMap}, ValuesOf(0))},
    {"map_entries(map)", "Entries of a map as structs.",
     "map_entries(map(1, 'a', 2, 'b')) => [{1, a}, {2, b}]", Fixed({kAnyMap}, kEntries)},
    {"map_from_arrays(keys, values)", "A map of an array of keys and one of values.",
     "map_from_arrays(array(1.0, 3.0), array('2', '4')) => {1.0 -> 2, 3.0 -> 4}",
     Fixed({kAnyArray, kAnyArray}, ResultRule([](Types types) {
             return DataType::Map(types[0].element(), types[1].element());
           }))},
    {"map_from_entries(entries)", "A map of an array of two-field structs.",
     "map_from_entries(array(struct(1, 'a'), struct(2, 'b'))) => {1 -> a, 2 -> b}",
     ResolveFromEntries},
    {"map_concat(map, ...)", "The entries of all maps; a key given twice is an error.",
     "map_concat(map(1, 'a', 2, 'b'), map(3, 'c')) => {1 -> a, 2 -> b, 3 -> c}",
     Common(1, kAnyMap, SameAs(0))},
    {"map_contains_key(map, key)", "Whether the map has the key.",
     "map_contains_key(map(1, 'a', 2, 'b'), 1) => true", ResolveMapContains},
    {"str_to_map(text[, pair_delimiter[, key_delimiter]])",
     "A map of delimited text.",
     "str_to_map('a:1,b:2,c:3', ',', ':') => {a -> 1, b -> 2, c -> 3}",
     Fixed({kString, kString, kString}, DataType::Map(kString, kString), 2),
     {.difference = "the delimiters are plain text, not regular expressions"}},
    {"map_filter(map, lambda)",
     "Entries for which the lambda (k, v) is true.",
     "map_filter(map(1, 0, 2, 2, 3, -1), (k, v) -> k > v) => {1 -> 0, 3 -> -1}",
     Fixed({kAnyMap, kAnyLambda}, SameAs(0)),
     {.lambda_types = KeyAndValue}},
    {"transform_keys(map, lambda)",
     "The map with each key replaced by the lambda's value.",
     "transform_keys(map(1, 10, 2, 20), (k, v) -> k + 1) => {2 -> 10, 3 -> 20}",
     Fixed({kAnyMap, kAnyLambda},
           ResultRule([](Types types) { return DataType::Map(types[1], types[0].map_value()); })),
     {.lambda_types = KeyAndValue}},
    {"transform_values(map, lambda)",
     "The map with each value replaced by the lambda's value.",
     "transform_values(map(1, 10, 2, 20), (k, v) -> v + 1) => {1 -> 11, 2 -> 21}",
     Fixed({kAnyMap, kAnyLambda},
           ResultRule([](Types types) { return DataType::Map(types[0].key(), types[1]); })),
     {.lambda_types = KeyAndValue}},
    {"map_zip_with(a, b, lambda)",
     "The lambda (key, a's value, b's value) of every key of both.",
     "map_zip_with(map(1, 'a', 2, 'b'), map(1, 'x', 2, 'y'), (k, v1, v2) -> concat(v1, v2)) => "
     "{1 -> ax, 2 -> by}",
     Fixed({kAnyMap, kAnyMap, kAnyLambda},
           ResultRule([](Types types) { return DataType::Map(types[0].key(), types[2]); })),
     {.lambda_types = ZipMaps}},
};

// Fields are named as the arguments would be as columns, else col1, col2, ...
Result<Signature> ResolveStruct(std::span<const Argument> args) {
  Signature signature;
  std::vector<data::Field> fields;
  for (size_t i = 0; i < args.size(); ++i) {
    signature.arguments.push_back(args[i].type);
    fields.emplace_back(
        args[i].name.empty() ? fmt::format("col{}", i + 1) : std::string(args[i].name),
        args[i].type, args[i].nullable);
  }
  signature.result = DataType::Struct(std::move(fields));
  signature.nullable = false;
  return signature;
}

Result<Signature> ResolveNamedStruct(std::span<const Argument> args) {
  if (args.empty() || args.size() % 2 != 0) return WrongCount("an even number of", args.size());
  Signature signature;
  std::vector<data::Field> fields;
  for (size_t i = 0; i < args.size(); i += 2) {
    const data::Value* name = args[i].literal;
    if (name == nullptr || name->is_null() || args[i].type.kind() != TypeKind::kString)
      return WrongType(i, "a string literal (a field's name)", args[i].type);
    signature.arguments.push_back(args[i].type);
    signature.arguments.push_back(args[i + 1].type);
    fields.emplace_back(name->string(), args[i + 1].type, args[i + 1].nullable);
  }
  signature.result = DataType::Struct(std::move(fields));
  signature.nullable = false;
  return signature;
}

const FunctionRow kStructRows[] = {
    {"struct(a, ...)", "A struct of the arguments.", "struct(1, 'a') => {1, a}", ResolveStruct,
     Handled()},
    {"named_struct(name, value, ...)", "A struct with the given field names.",
     "named_struct('a', 1, 'b', 2).b => 2", ResolveNamedStruct, Handled()},
};

}  // namespace

std::span<const FunctionRow> ArrayRows() { return kArrayRows; }
std::span<const FunctionRow> MapRows() { return kMapRows; }
std::span<const FunctionRow> StructRows() { return kStructRows; }

}  // namespace millrace::sql
