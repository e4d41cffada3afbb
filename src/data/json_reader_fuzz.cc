// Hostile records against the JSON reader: it must not crash, and what is JSON and fits the schema
// must be read as the plain reading reads it.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "data/json_plain_reading.h"
#include "data/json_reader.h"

namespace millrace::data {
namespace {

Schema FuzzSchema() {
  const DataType inner =
      DataType::Struct({{"n", DataType::Bigint()}, {"list", DataType::Array(DataType::Double())}});
  return {{Field("s", DataType::String()), Field("i", DataType::Int()),
           Field("b", DataType::Boolean()), Field("t", DataType::Timestamp()), Field("o", inner),
           Field("a", DataType::Array(inner)),
           Field("m", DataType::Map(DataType::String(), DataType::Array(DataType::Int())))}};
}

void Compare(const Batch& batch, size_t row, const Value& plain) {
  for (size_t i = 0; i < batch.columns.size(); ++i) {
    if (!(batch.columns[i]->ValueAt(row) == plain.list()[i])) std::abort();
  }
}

}  // namespace
}  // namespace millrace::data

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace millrace::data;
  static const Schema schema = FuzzSchema();
  static const auto reader = JsonReader::Make(schema).value();
  const std::string good = R"({"i":1,"a":[{"n":2}]})" + std::string(64, ' ');
  const std::string record =
      std::string(reinterpret_cast<const char*>(data), size) + std::string(64, '}');
  // Between two good rows: what a bad one leaves behind must not show in its neighbours.
  const std::string_view good_view = std::string_view(good).substr(0, good.size() - 64);
  const std::string_view views[] = {good_view, std::string_view(record).substr(0, size), good_view};
  RowErrors errors(3);
  const Batch batch = reader->Read(views, errors);
  if (errors.Has(0) || errors.Has(2)) std::abort();
  simdjson::dom::parser parser;
  simdjson::dom::element element;
  const DataType type = DataType::Struct(schema.fields);
  for (const size_t row : {size_t{0}, size_t{2}}) {
    if (parser.parse(good_view).get(element)) std::abort();
    Compare(batch, row, *PlainValue(element, type));
  }
  if (size == 0 || parser.parse(views[1]).get(element) || !element.is_object()) return 0;
  const auto plain = PlainValue(element, type);
  if (!plain) return 0;
  if (errors.Has(1)) std::abort();
  Compare(batch, 1, *plain);
  return 0;
}
