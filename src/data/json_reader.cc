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
    const auto arena = std::make_shared<Arena>();
    JsonWalker walker(*arena, JsonWalker::Strings::kCopied, shape_);
    root_->Begin(records.size());
    for (size_t i = 0; i < records.size(); ++i) ReadRecord(records[i], i, i, walker, errors);
    return Finish(records.size(), {arena});
  }

  Batch ReadGood(std::span<const std::string_view> records, const Owner& owner, RowErrors& errors,
                 std::vector<uint32_t>& good) override {
    const auto arena = std::make_shared<Arena>();
    JsonWalker walker(*arena, JsonWalker::Strings::kViewed, shape_);
    good.clear();
    good.reserve(records.size());
    root_->Begin(records.size());
    for (size_t i = 0; i < records.size(); ++i) {
      if (ReadRecord(records[i], i, good.size(), walker, errors))
        good.push_back(static_cast<uint32_t>(i));
    }
    return Finish(good.size(), {arena, owner});
  }

 private:
  // Record number `i` into row `row`; false: it went among the errors.
  bool ReadRecord(std::string_view record, size_t i, size_t row, JsonWalker& walker,
                  RowErrors& errors) {
    if (record.data() == nullptr) {
      errors.Add(i, "NULL_VALUE", "the record has no value (a tombstone)");
      return false;
    }
    if (const char* wrong = tokens_.Index(record)) {
      errors.Add(i, "MALFORMED_JSON", fmt::format("not a JSON record: {}", wrong));
      return false;
    }
    if (walker.Walk(record, tokens_, *root_, row)) return true;
    root_->Truncate(row, row + 1);
    errors.Add(i, walker.condition(), walker.message());
    return false;
  }

  Batch Finish(size_t rows, const std::vector<Owner>& owners) {
    Batch batch{.schema = schema_, .columns = {}, .rows = rows};
    for (const auto& field : root_->children) batch.columns.push_back(field->Finish(rows, owners));
    return batch;
  }

  std::shared_ptr<const Schema> schema_;
  std::unique_ptr<JsonNode> root_;
  JsonTokens tokens_;
  JsonShape shape_;
};

}  // namespace

Result<std::unique_ptr<JsonReader>> JsonReader::Make(const Schema& schema) {
  MR_ASSIGN(auto root, JsonNode::Make(DataType::Struct(schema.fields), ""));
  return std::make_unique<TokenJsonReader>(schema, std::move(root));
}

}  // namespace millrace::data
