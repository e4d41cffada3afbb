#include "engine/stream/plan_change.h"

#include <algorithm>

#include "engine/stream/program.h"

namespace millrace::engine {
namespace {

using Reasons = std::vector<std::string>;

const sql::Plan* FindWindow(const sql::Plan& plan) {
  if (plan.kind == sql::PlanKind::kWindowAggregate) return &plan;
  for (const sql::PlanPtr& input : plan.inputs) {
    if (const sql::Plan* found = FindWindow(*input)) return found;
  }
  return nullptr;
}

void CollectTopics(const sql::Plan& plan, std::vector<std::string>& topics) {
  if (plan.kind == sql::PlanKind::kScan) topics.push_back(plan.relation.name);
  for (const sql::PlanPtr& input : plan.inputs) CollectTopics(*input, topics);
}

// What state of an aggregate means: its kind and the types it works on.
std::string Signature(const sql::AggregateCall& call) {
  std::string text = fmt::format("{}", static_cast<int>(call.kind));
  for (const sql::ExprPtr& arg : call.args) text += " " + arg->type.ToString();
  return text + (call.ignore_nulls ? " ignore nulls -> " : " -> ") + call.type.ToString();
}

void CompareWindows(const sql::Plan& a, const sql::Plan& b, Reasons& refused, Reasons& noted) {
  if (a.window_size_us != b.window_size_us || a.window_slide_us != b.window_slide_us ||
      a.window_offset_us != b.window_offset_us) {
    refused.push_back("the windows have another size, slide or start: open ones would not fit");
  }
  if (a.group_keys.size() != b.group_keys.size()) {
    refused.push_back(
        fmt::format("grouped by {} keys, wanted {}", a.group_keys.size(), b.group_keys.size()));
  }
  for (size_t i = 0; i < std::min(a.group_keys.size(), b.group_keys.size()); ++i) {
    if (!(a.group_keys[i]->type == b.group_keys[i]->type)) {
      refused.push_back(fmt::format("group key {} is {}, wanted {}", i + 1,
                                    a.group_keys[i]->type.ToString(),
                                    b.group_keys[i]->type.ToString()));
    } else if (sql::ToString(*a.group_keys[i]) != sql::ToString(*b.group_keys[i])) {
      noted.push_back(fmt::format("group key {} is computed in another way from here on", i + 1));
    }
  }
  if (a.aggregates.size() != b.aggregates.size()) {
    refused.push_back(
        fmt::format("{} aggregates, wanted {}", a.aggregates.size(), b.aggregates.size()));
  }
  for (size_t i = 0; i < std::min(a.aggregates.size(), b.aggregates.size()); ++i) {
    if (Signature(a.aggregates[i]) != Signature(b.aggregates[i]))
      refused.push_back(fmt::format("aggregate {} is another function or of other types", i + 1));
  }
}

void CompareTopics(const QuerySpec& stored, const QuerySpec& wanted, Reasons& noted) {
  Reasons before;
  Reasons after;
  CollectTopics(*stored.plan, before);
  CollectTopics(*wanted.plan, after);
  for (const std::string& topic : after) {
    if (std::ranges::find(before, topic) == before.end())
      noted.push_back("topic " + topic + " joins and is read from its beginning");
  }
  for (const std::string& topic : before) {
    if (std::ranges::find(after, topic) == after.end())
      noted.push_back("topic " + topic + " leaves: its position is forgotten");
  }
}

}  // namespace

PlanChange CompareDefinitions(const QuerySpec& stored, const QuerySpec& wanted) {
  PlanChange change;
  if (DefinitionHash(stored) == DefinitionHash(wanted)) return change;
  Reasons refused;
  Reasons noted;
  const sql::Plan* before = FindWindow(*stored.plan);
  const sql::Plan* after = FindWindow(*wanted.plan);
  if (before != nullptr && after != nullptr) CompareWindows(*before, *after, refused, noted);
  if (before != nullptr && after == nullptr)
    refused.push_back("it no longer aggregates: what its open windows hold would be lost");
  if (before == nullptr && after != nullptr)
    noted.push_back("it begins to aggregate: windows hold only what comes from here on");
  CompareTopics(stored, wanted, noted);
  if (!refused.empty()) {
    refused.push_back("rebuild its tables from the log with `millrace replay`");
    return {PlanChange::Kind::kRefused, std::move(refused)};
  }
  noted.push_back("rows already written stay as they are; `millrace replay` rebuilds them");
  return {PlanChange::Kind::kCompatible, std::move(noted)};
}

Result<StoredRun> StoredRun::Load(const std::string& query, const QueryWorld& world) {
  StoredRun run;
  MR_ASSIGN(run.progress, world.store->LoadProgress(query));
  MR_ASSIGN(StoredIntents stored, world.intents->Load(query));
  for (const flow::EpochIntent& intent : stored.intents) {
    if (intent.epoch <= run.progress.epoch) continue;
    if (!run.unflushed.empty() && run.unflushed.back().plan_hash == intent.plan_hash) continue;
    const auto found =
        std::ranges::find(stored.definitions, intent.plan_hash, &StoredDefinition::plan_hash);
    if (found == stored.definitions.end()) {
      return Fail(ErrorCode::kDamaged, "query {}: the definition that epoch {} ran with is missing",
                  query, intent.epoch);
    }
    run.unflushed.push_back(*found);
  }
  run.known = std::move(stored.definitions);
  return run;
}

// An empty epoch of the new definition: from its intent on the query is the new one.
Status AcceptDefinition(const QuerySpec& spec, const QueryWorld& world) {
  MR_ASSIGN(const StoredRun run, StoredRun::Load(spec.name, world));
  if (!run.unflushed.empty()) {
    return Fail(ErrorCode::kConflict,
                "query {}: epochs after {} must be re-run with the definition they ran with first",
                spec.name, run.progress.epoch);
  }
  if (run.progress.epoch.value == 0) return {};
  StreamProgram program;
  MR_ASSIGN(program, StreamProgram::Compile(spec.plan));
  flow::EpochIntent intent;
  intent.query = spec.name;
  intent.epoch = run.progress.epoch + 1;
  intent.plan_hash = DefinitionHash(spec);
  intent.now = world.time->Now();
  intent.watermark_us = run.progress.watermark_us;
  for (const flow::Position& position : run.progress.positions)
    intent.ranges.push_back({position, position.next});
  for (const sql::Plan* node : program.lookups) {
    MR_ASSIGN(const auto source, world.lookups(*node));
    MR_ASSIGN(const auto table, source->Current());
    intent.lookups.push_back({node->relation.name, table->version()});
  }
  MR_TRY(world.intents->StoreDefinition({spec.name, intent.plan_hash, spec.definition}));
  MR_ASSIGN(const IntentTicket ticket, world.intents->Append(intent));
  return world.intents->Await(ticket);
}

}  // namespace millrace::engine
