#include <optional>
#include <span>
#include <vector>

#include "data/json_reader.h"
#include "data/json_writer.h"
#include "engine/cast.h"
#include "engine/functions/collections.h"
#include "engine/functions/json_text.h"
#include "engine/functions/lists.h"
#include "engine/functions/loops.h"

namespace millrace::engine {
namespace {

using data::Column;
using data::ColumnBuilder;
using data::ColumnPtr;
using data::TypeKind;
using Text = std::string_view;

Result<Kernel> MakeGetJsonObject(const sql::Expr& call) {
  std::optional<std::vector<JsonStep>> literal;
  const std::string* path = LiteralText(call, 1);
  if (path != nullptr) literal = ParseJsonPath(*path);
  return Kernel([literal, fixed = path != nullptr](KernelCall& now) {
    return Map<Text, Text, Text>(now, [&](Text json, Text path_text, Cell& cell) -> Text {
      const auto steps = fixed ? literal : ParseJsonPath(path_text);
      const auto found = steps ? JsonAt(json, *steps) : std::nullopt;
      if (found) return cell.Copy(*found);
      cell.SetNull();
      return {};
    });
  });
}

ColumnPtr ArrayLength(KernelCall& call) {
  return Map<int32_t, Text>(call, [](Text json, Cell& cell) {
    int32_t count = 0;
    if (!ForEachJsonElement(json, [&](Text) { ++count; })) cell.SetNull();
    return count;
  });
}

ColumnPtr ObjectKeys(KernelCall& call) {
  const data::Reader<Text> texts(*call.args[0]);
  std::vector<std::string> keys;
  ListBuilder out(call);
  call.rows.ForEach([&](size_t row) {
    out.StartRow(row);
    if (call.args[0]->IsNull(row)) return;
    const size_t before = out.size();
    const bool valid = ForEachJsonMember(texts[row], [&](std::string key, Text) {
      out.Add(keys.size());
      keys.push_back(std::move(key));
    });
    if (valid) return;
    out.ShrinkTo(before);
    out.SetNull(row);
  });
  ColumnBuilder child(data::DataType::String(), keys.size());
  for (size_t i = 0; i < keys.size(); ++i) child.Values<Text>()[i] = child.arena().Copy(keys[i]);
  return std::move(out).Finish({std::move(child).Finish()});
}

ColumnPtr ToJson(KernelCall& call) {
  const data::JsonWriter writer({}, ZoneOf(call.context));
  std::string text;
  return Map<Text>(call, [&](Cell& cell) -> Text {
    if (cell.IsNull(0)) return {};
    text.clear();
    writer.AppendValue(*call.args[0], cell.row(), text);
    return cell.Copy(text);
  });
}

// The reader wants room behind each record; it also reads objects only, so that an array or a map
// is put into one.
class PaddedRecords {
 public:
  PaddedRecords(const Column& texts, size_t length, Text before, Text after) {
    constexpr size_t kPadding = 64;
    const data::Reader<Text> reader(texts);
    size_t bytes = kPadding;
    for (size_t row = 0; row < length; ++row)
      bytes += reader[row].size() + before.size() + after.size() + kPadding;
    buffer_.reserve(bytes);
    for (size_t row = 0; row < length; ++row) {
      const size_t from = buffer_.size();
      buffer_.append(before).append(reader[row]).append(after);
      records_.emplace_back(buffer_.data() + from, buffer_.size() - from);
      buffer_.append(kPadding, ' ');
    }
  }
  std::span<const Text> records() const { return records_; }

 private:
  std::string buffer_;
  std::vector<Text> records_;
};

ColumnPtr FromJson(KernelCall& call) {
  const bool is_struct = call.type.kind() == TypeKind::kStruct;
  data::Schema schema;
  if (is_struct)
    schema.fields = call.type.fields();
  else
    schema.fields = {{"value", call.type}};
  const ColumnPtr texts = Column::Flatten(call.args[0]);
  const PaddedRecords records(*texts, call.length,
                              is_struct ? "" : "{\"value\":", is_struct ? "" : "}");
  auto reader = data::JsonReader::Make(schema);
  if (!reader) {
    call.rows.ForEach(
        [&](size_t row) { call.errors.Add(row, "DATATYPE_MISMATCH", reader.error().message); });
    return Column::Constant(call.type, data::Value::Null(), call.length);
  }
  data::RowErrors malformed(call.length);
  data::Batch batch = (*reader)->Read(records.records(), malformed);
  // What cannot be read is NULL: each field of a struct, or the whole array or map.
  ColumnBuilder mask_builder(data::DataType::Boolean(), call.length);
  for (const data::RowError& error : malformed.errors()) mask_builder.SetNull(error.row);
  const ColumnPtr mask = std::move(mask_builder).Finish();
  for (ColumnPtr& column : batch.columns)
    column = Column::Flatten(Column::WithNullsOf(std::move(column), {&mask, 1}));
  if (!is_struct) return batch.columns[0];
  ColumnBuilder out(call.type, call.length);
  out.SetChildren(std::move(batch.columns));
  return std::move(out).Finish();
}

const KernelRegistration kKernels[] = {
    {"get_json_object", MakeGetJsonObject},   {"json_array_length", Always(ArrayLength)},
    {"json_object_keys", Always(ObjectKeys)}, {"to_json", Always(ToJson)},
    {"from_json", Always(FromJson)},
};

}  // namespace

std::span<const KernelRegistration> JsonKernels() { return kKernels; }

}  // namespace millrace::engine
