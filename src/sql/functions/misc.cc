#include <algorithm>
#include <span>
#include <vector>

#include "sql/functions/tables.h"
#include "sql/plan.h"

namespace millrace::sql {
namespace {

using data::DataType;
using data::TypeKind;

const DataType kStrings = DataType::Array(DataType::String());

// The type that a schema literal names: "a INT, b DOUBLE" is a struct, "ARRAY<INT>" is itself.
Result<DataType> TypeOfLiteral(const Argument& argument, size_t index) {
  if (argument.literal == nullptr || argument.literal->is_null() ||
      argument.type.kind() != TypeKind::kString)
    return WrongType(index, "a schema literal, e.g. 'a INT, b DOUBLE'", argument.type);
  const std::string& text = argument.literal->string();
  const ParsedSchema fields = ParseSchemaDdl(text);
  if (fields.errors.empty()) return DataType::Struct(fields.schema.fields);
  const ParsedSchema single = ParseSchemaDdl("value " + text);
  if (single.errors.empty() && single.schema.fields.size() == 1)
    return *single.schema.fields[0].type;
  return Fail(ErrorCode::kInvalidArgument, "argument {} is no schema: {}", index + 1,
              fields.errors[0].message);
}

Result<Signature> ResolveFromJson(std::span<const Argument> args) {
  if (args.size() != 2) return WrongCount("2", args.size());
  if (!Parameter(kString).Accept(args[0])) return WrongType(0, "STRING", args[0].type);
  Signature signature;
  MR_ASSIGN(signature.result, TypeOfLiteral(args[1], 1));
  if (!signature.result.is_nested())
    return WrongType(1, "the schema of a STRUCT, ARRAY or MAP", signature.result);
  signature.arguments = {kString, kString};
  return signature;
}

const FunctionRow kJsonRows[] = {
    {"get_json_object(json, path)", "The value at a path such as '$.a[0].b', as text.",
     R"(get_json_object('{"a":"b"}', '$.a') => b)", Fixed({kString, kString}, kString)},
    {"json_array_length(json)", "Number of elements of a JSON array; NULL of anything else.",
     "json_array_length('[1,2,3,4]') => 4", Fixed({kString}, kInt)},
    {"json_object_keys(json)", "Keys of a JSON object; NULL of anything else.",
     R"(json_object_keys('{"key": "value", "b": 1}') => [key, b])", Fixed({kString}, kStrings)},
    {"from_json(json, schema)",
     "The JSON text as a value of the schema.",
     R"(from_json('{"a":1, "b":0.8}', 'a INT, b DOUBLE') => {1, 0.8})",
     ResolveFromJson,
     {.difference = "text that does not fit gives NULL fields as in PERMISSIVE; options are not "
                    "supported"}},
    {"to_json(expr)", "A struct, map or array as JSON text; NULL fields are left out.",
     R"(to_json(named_struct('a', 1, 'b', 2)) => {"a":1,"b":2})",
     [](std::span<const Argument> args) -> Result<Signature> {
       if (args.size() == 1 && args[0].type.kind() != TypeKind::kNull && !args[0].type.is_nested())
         return WrongType(0, "a STRUCT, MAP or ARRAY", args[0].type);
       return Fixed({kAny}, kString)(args);
     }},
};

const FunctionRow kHashRows[] = {
    {"md5(expr)", "MD5 as 32 hexadecimal digits.",
     "md5('Spark') => 8cde774d6f7333752ed72cacddb05126", Fixed({kBinary}, kString)},
    {"sha1(expr)",
     "SHA-1 as hexadecimal digits.",
     "sha1('Spark') => 85f5955f4b27a9a4c2aab6ffe5d7189fc298b92c",
     Fixed({kBinary}, kString),
     {.aliases = {"sha"}}},
    {"sha2(expr, bits)", "SHA-2 of 224, 256 (or 0), 384 or 512 bits as hexadecimal digits.",
     "sha2('Spark', 256) => 529bc3b07127ecb7e53a4dcf1991d9152c24537d919178022b2c42657f79a26b",
     Fixed({kBinary, kInt}, kString)},
    {"crc32(expr)", "CRC-32.", "crc32('Spark') => 1557323817", Fixed({kBinary}, kBigint)},
    {"hash(a, ...)",
     "Murmur3 of the arguments, 32 bits, seed 42.",
     "hash('Spark', array(123), 2) => -1321691492",
     Variadic({}, kAny, kInt, 1),
     {.null_rule = NullRule::kHandled}},
    {"xxhash64(a, ...)",
     "xxHash64 of the arguments, seed 42.",
     "xxhash64('Spark', array(123), 2) => 5602566077635097486",
     Variadic({}, kAny, kBigint, 1),
     {.null_rule = NullRule::kHandled}},
    {"uuid_v5(namespace, name)",
     "The name's UUID (RFC 9562 version 5) in a namespace UUID.",
     "uuid_v5('6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'www.example.com') => "
     "2ed6657d-e927-568b-95e1-2665a8aea6a2",
     Fixed({kString, kString}, kString),
     {.difference = "ours: Spark has no such function"}},
};

const FunctionRow kMiscRows[] = {
    {"typeof(expr)",
     "The type of expr.",
     "typeof(1) => int",
     Fixed({kAny}, kString),
     {.null_rule = NullRule::kHandled}},
    {"version()",
     "The version of Millrace.",
     "version() IS NULL => false",
     Fixed({}, kString),
     {.difference = "ours, not Spark's", .null_rule = NullRule::kHandled}},
};

// sum and avg.
Result<Signature> ResolveSum(std::span<const Argument> args, int whole, int fraction,
                             const DataType& of_integers) {
  if (args.size() != 1) return WrongCount("1", args.size());
  Signature signature;
  DataType type = args[0].type;
  if (type.is_interval()) {
    signature.arguments = {type};
    signature.result = type;
    return signature;
  }
  const auto accepted = Parameter(kAnyNumber).Accept(args[0]);
  if (!accepted) return WrongType(0, "a number or an interval", type);
  type = *accepted;
  signature.result = type.is_integral() ? of_integers : kDouble;
  if (type.kind() == TypeKind::kDecimal) {
    const int scale = std::min(38, type.scale() + fraction);
    signature.result = DataType::Decimal(std::min(38, type.precision() + whole), scale);
  }
  signature.arguments = {type};
  return signature;
}

// An optional literal second argument: ignore NULLs.
Resolver FirstOf() { return Fixed({kAny, kBoolean}, SameAs(0), 1); }
Resolver Deviation() { return Fixed({kDouble}, kDouble); }
// Computed by the engine, so its row has no example that a kernel could run.
FunctionTraits Also(std::vector<std::string_view> aliases = {}) {
  return {.aliases = std::move(aliases), .null_rule = NullRule::kHandled};
}

const FunctionRow kAggregateRows[] = {
    {"count(expr, ...)", "Number of rows in which no argument is NULL; count(*) of all rows.", "",
     Variadic({}, kAny, kBigint, 1), Also()},
    {"sum(expr)", "Sum.", "",
     [](std::span<const Argument> args) { return ResolveSum(args, 10, 0, kBigint); }, Also()},
    {"avg(expr)", "Mean.", "",
     [](std::span<const Argument> args) { return ResolveSum(args, 4, 4, kDouble); },
     Also({"mean"})},
    {"min(expr)", "Least value.", "", Fixed({kOrderable}, SameAs(0)), Also()},
    {"max(expr)", "Greatest value.", "", Fixed({kOrderable}, SameAs(0)), Also()},
    {"first(expr[, ignore_nulls])", "Value of the first row.", "", FirstOf(),
     Also({"first_value"})},
    {"last(expr[, ignore_nulls])", "Value of the last row.", "", FirstOf(), Also({"last_value"})},
    {"any_value(expr[, ignore_nulls])", "Value of some row.", "", FirstOf(), Also()},
    {"collect_list(expr)", "All values that are not NULL.", "", Fixed({kAny}, ArrayOf(0)),
     Also({"array_agg"})},
    {"collect_set(expr)", "The distinct values that are not NULL.", "", Fixed({kAny}, ArrayOf(0)),
     Also()},
    {"bool_and(expr)", "Whether all are true.", "", Fixed({kBoolean}, kBoolean), Also({"every"})},
    {"bool_or(expr)", "Whether one is true.", "", Fixed({kBoolean}, kBoolean),
     Also({"some", "any"})},
    {"min_by(value, order)", "value of the row with the least order.", "",
     Fixed({kAny, kOrderable}, SameAs(0)), Also()},
    {"max_by(value, order)", "value of the row with the greatest order.", "",
     Fixed({kAny, kOrderable}, SameAs(0)), Also()},
    {"stddev_samp(expr)", "Standard deviation of a sample.", "", Deviation(),
     Also({"stddev", "std"})},
    {"var_samp(expr)", "Variance of a sample.", "", Deviation(), Also({"variance"})},
};

Result<Signature> ResolveExplode(std::span<const Argument> args) {
  if (args.size() != 1) return WrongCount("1", args.size());
  const auto type = Parameter(kCollection).Accept(args[0]);
  if (!type) return WrongType(0, "an ARRAY or a MAP", args[0].type);
  Signature signature;
  signature.arguments = {*type};
  signature.result = type->kind() == TypeKind::kArray
                         ? type->element()
                         : DataType::Struct({{"key", type->key()}, {"value", type->map_value()}});
  return signature;
}

Result<Signature> ResolveInline(std::span<const Argument> args) {
  const bool structs = args.size() == 1 && args[0].type.kind() == TypeKind::kArray &&
                       args[0].type.element().kind() == TypeKind::kStruct;
  if (args.size() == 1 && !structs) return WrongType(0, "an ARRAY of STRUCTs", args[0].type);
  return Fixed({kAnyArray}, ElementOf(0))(args);
}

const FunctionRow kGeneratorRows[] = {
    {"explode(collection)", "A row for each element (col) or entry (key, value).", "",
     ResolveExplode, Also()},
    {"explode_outer(collection)", "As explode; an empty or NULL collection gives a row of NULLs.",
     "", ResolveExplode, Also()},
    {"posexplode(collection)", "As explode, with the position from 0 before.", "", ResolveExplode,
     Also()},
    {"posexplode_outer(collection)", "As posexplode; empty gives a row of NULLs.", "",
     ResolveExplode, Also()},
    {"inline(structs)", "A row for each struct of an array, its fields as columns.", "",
     ResolveInline, Also()},
    {"inline_outer(structs)", "As inline; an empty or NULL array gives a row of NULLs.", "",
     ResolveInline, Also()},
};

}  // namespace

std::span<const FunctionRow> JsonRows() { return kJsonRows; }
std::span<const FunctionRow> HashRows() { return kHashRows; }
std::span<const FunctionRow> MiscRows() { return kMiscRows; }
std::span<const FunctionRow> AggregateRows() { return kAggregateRows; }
std::span<const FunctionRow> GeneratorRows() { return kGeneratorRows; }

}  // namespace millrace::sql
