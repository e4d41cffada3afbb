#include "data/json_reader.h"

#include "data/json_reader_node.h"
#include "data/json_reader_tokens.h"
#include "data/json_reader_walker.h"

namespace millrace::data {
namespace {

class TokenJsonReader : public JsonReader {
 public:
  TokenJsonReader(const Schema& schema, std::unique_ptr<JsonNode> root)
      : schema_(std::make_shared<const Schema>(schema)), root_(std::move(root)) {}

  Batch Read(std::span<const std::string_view> records, RowErrors& errors) override {
    const size_t rows = records.size();
    const auto arena = std::make_shared<Arena>();
    JsonWalker walker(*arena);
    root_->Begin(rows);
    for (size_t row = 0; row < rows; ++row) ReadRecord(records[row], row, walker, errors);
    Batch batch{.schema = schema_, .columns = {}, .rows = rows};
    for (const auto& field : root_->children) batch.columns.push_back(field->Finish(rows, arena));
    return batch;
  }

 private:
  void ReadRecord(std::string_view record, size_t row, JsonWalker& walker, RowErrors& errors) {
    if (record.data() == nullptr) {
      errors.Add(row, "NULL_VALUE", "the record has no value (a tombstone)");
      return;
    }
    if (const char* wrong = tokens_.Index(record)) {
      errors.Add(row, "MALFORMED_JSON", fmt::format("not a JSON record: {}", wrong));
    } else if (!walker.Walk(record, tokens_, *root_, row)) {
      root_->Truncate(row, row + 1);
      errors.Add(row, walker.condition(), walker.message());
    }
  }

  std::shared_ptr<const Schema> schema_;
  std::unique_ptr<JsonNode> root_;
  JsonTokens tokens_;
};

}  // namespace

Result<std::unique_ptr<JsonReader>> JsonReader::Make(const Schema& schema) {
  MR_ASSIGN(auto root, JsonNode::Make(DataType::Struct(schema.fields), ""));
  return std::make_unique<TokenJsonReader>(schema, std::move(root));
}

}  // namespace millrace::data
