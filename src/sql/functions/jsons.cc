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

}  // namespace

std::span<const FunctionRow> JsonRows() { return kJsonRows; }

}  // namespace millrace::sql
