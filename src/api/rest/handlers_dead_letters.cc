// Dead letters: by reason, one by one, exported, replayed.
#include "api/rest/answers.h"
#include "api/rest/paging.h"
#include "pipeline/letters.h"

namespace millrace::api::rest {
namespace {

using pipeline::JsonList;
using pipeline::JsonText;

constexpr uint64_t kPageBytesMax = uint64_t{8} << 20;

std::string OriginJson(const flow::Origin& origin) {
  return JsonText()
      .Field("topic", origin.topic)
      .Field("partition", int64_t{origin.partition.value})
      .Field("offset", origin.offset.value)
      .Field("ordinal", int64_t{origin.ordinal})
      .Object();
}

void AddText(JsonText& json, const std::string& name, const std::optional<std::string>& bytes) {
  AddBytes(json, name, bytes ? bytes->data() : nullptr, bytes ? bytes->size() : 0);
}

std::string LetterJson(const flow::DeadLetter& letter, PartitionId partition,
                       const flow::RecordView& record) {
  JsonText json;
  json.Field("partition", int64_t{partition.value})
      .Field("offset", record.offset.value)
      .Raw("timestamp", TimeJson(TimestampUs(record.timestamp.value * 1000)))
      .Raw("origin", OriginJson(letter.origin))
      .Field("query", letter.query)
      .Field("stage", letter.stage)
      .Field("condition", letter.condition)
      .Field("message", letter.message)
      .Field("epoch", letter.epoch.value);
  AddText(json, "key", letter.key);
  AddText(json, "value", letter.value);
  return json.Object();
}

std::string ConditionOf(const Call& call) {
  return call.Has("condition") ? call.Text("condition") : "";
}

}  // namespace

Result<Answer> ListLetterGroups(Call& call) {
  MR_ASSIGN(const auto letters,
            pipeline::GroupLetters(call.workspace, call.Integer("scan_max"), call.stopping));
  JsonList items;
  for (const pipeline::LetterGroup& group : letters.groups) {
    items.Add(JsonText()
                  .Field("topic", group.topic)
                  .Field("query", group.query)
                  .Field("stage", group.stage)
                  .Field("condition", group.condition)
                  .Field("count", group.count)
                  .Raw("last_origin", OriginJson(group.last_origin))
                  .Field("last_message", group.last_message)
                  .Object());
  }
  return Answer{JsonText()
                    .Raw("items", items.Array())
                    .Field("scanned", letters.scanned)
                    .Field("complete", letters.complete)
                    .Object()};
}

Result<Answer> ListLetters(Call& call) {
  const std::string& topic = call.Text("topic");
  MR_TRY(pipeline::CheckLetterTopic(call.workspace.project(), topic));
  pipeline::MessageSeek seek;
  if (call.Has("cursor")) {
    MR_ASSIGN(const auto place, CursorNumbers(call, 2));
    seek.from =
        pipeline::MessagePlace{PartitionId(static_cast<int32_t>(place[0])), Offset(place[1])};
  }
  const std::string condition = ConditionOf(call);
  JsonList items;
  const auto take = [&](const flow::DeadLetter& letter, PartitionId partition,
                        const flow::RecordView& record) -> Result<bool> {
    if (!condition.empty() && letter.condition != condition) return false;
    items.Add(LetterJson(letter, partition, record));
    return true;
  };
  const pipeline::ScanBudget budget{.taken_max = call.Integer("limit"),
                                    .scanned_max = call.Integer("scan_max"),
                                    .bytes_max = kPageBytesMax};
  MR_ASSIGN(const auto end,
            pipeline::ScanLetters(call.workspace, topic, seek, budget, call.stopping, take));
  JsonText json;
  json.Raw("items", items.Array());
  if (end.next)
    json.Field("next_cursor",
               EncodeCursor(fmt::format("{}:{}", end.next->partition, end.next->offset)));
  else
    json.Raw("next_cursor", "null");
  return Answer{json.Field("scanned", end.scanned).Object()};
}

Result<Answer> ExportLetters(Call& call) {
  const std::string topic = call.Text("topic");
  MR_TRY(pipeline::CheckLetterTopic(call.workspace.project(), topic));
  Answer answer;
  answer.stream = [&workspace = call.workspace, &stopping = call.stopping, topic,
                   condition = ConditionOf(call)](io::ResponseStream& out) {
    const auto write = [&](const flow::DeadLetter& letter, PartitionId partition,
                           const flow::RecordView& record) -> Result<bool> {
      if (!condition.empty() && letter.condition != condition) return false;
      MR_TRY(out.Write(ValidUtf8(LetterJson(letter, partition, record)) + "\n"));
      return true;
    };
    const auto end = pipeline::ScanLetters(workspace, topic, {}, {}, stopping, write);
    // A file that ends early must not look whole.
    if (!end || end->next) out.Abort();
  };
  return answer;
}

Result<Answer> ReplayLetters(Call& call) {
  const auto text_of = [&](std::string_view name) {
    const data::JsonValue* const value = call.body.Find(name);
    return value == nullptr ? std::string() : value->text;
  };
  const pipeline::LetterFilter filter{text_of("query"), text_of("condition")};
  MR_TRY(pipeline::CheckLetterTopic(call.workspace.project(), call.Text("topic")));
  MR_ASSIGN(const auto done,
            pipeline::ReplayLetters(call.workspace, call.Text("topic"), filter, call.stopping));
  return Answer{JsonText()
                    .Field("records", done.replayed)
                    .Field("without_record", done.without_record)
                    .Object()};
}

}  // namespace millrace::api::rest
