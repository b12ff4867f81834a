using System.Text;
using static Harness.Model.Tests.Dsl;

namespace Harness.Model.Tests;

/// <summary>Programs and cases as versioned JSON: round trips, the form on disk, and refusals.</summary>
public class JsonTests
{
    private static readonly FaultPlan[] Faults =
    [
        new FaultPlan.None(),
        new FaultPlan.ErrorAt(3, ErrorName.OutOfStackSegments, true),
        new FaultPlan.PanicAt(4),
        new FaultPlan.SegfaultAt(5),
        new FaultPlan.StackBudget(1L << 40),
        new FaultPlan.SegmentAllocationFails(6),
        new FaultPlan.Delivered([new(7, ErrorName.StackOverflow), new(9, ErrorName.Canceled)]),
    ];

    [Fact]
    public void The_sample_has_every_kind_of_statement_handling_and_type()
    {
        Assert.Empty(Validator.Check(Samples.Full));
        var statements = Samples.Full.Functions.SelectMany(function => StatementTree.All(function.Body)).ToArray();
        Assert.Equal(Kinds<Statement>(), Names(statements));
        Assert.Equal(Kinds<Handling>(), Names(statements.OfType<Statement.Call>().Select(call => call.Handling)));
        var json = ProgramJson.Write(Samples.Full);
        Assert.All(
            new[] { "void", "bool", "i7", "f80", "slice", "cellPointer", "handle", "vector", "struct", "enum", "union", "optional" },
            type => Assert.Contains($"\"{type}\"", json));
        Assert.Equal(RunEnding.Finished, Interpreter.Run(Samples.Full, NoFault, Schedule.Fifo).Ending);
    }

    [Fact]
    public void A_program_reads_back_equal_and_writes_the_same_again()
    {
        var json = ProgramJson.Write(Samples.Full);
        var read = ProgramJson.Read(json);
        Assert.Equal(Samples.Full, read);
        Assert.Equal(json, ProgramJson.Write(read));
    }

    [Fact]
    public void A_case_reads_back_equal_with_every_kind_of_fault()
    {
        foreach (var fault in Faults)
        {
            var plan = new ExecutionPlan(
                fault, new Schedule(ulong.MaxValue, 5), new SplitPlan(SplitKind.EntrySet, 1, ulong.MaxValue), Placement.Interleaved,
                ReleasePolicy.Unmap);
            var written = new Case(Samples.Full, new Cell(Route.Thunk, OptimizeMode.ReleaseSmall, Backend.SelfHosted), plan);
            var json = CaseJson.Write(written);
            Assert.Equal(written, CaseJson.Read(json));
            Assert.Equal(json, CaseJson.Write(CaseJson.Read(json)));
        }
    }

    [Theory]
    [InlineData(Disturbance.Signals, "[\"signals\"]")]
    [InlineData(Disturbance.Threads, "[\"threads\"]")]
    [InlineData(Disturbance.Signals | Disturbance.Threads, "[\"signals\", \"threads\"]")]
    public void A_case_says_what_disturbs_it(Disturbance disturbance, string expected)
    {
        var written = new Case(Samples.Full, new Cell(Route.Thunk, OptimizeMode.Debug, Backend.Llvm), ExecutionPlan.Baseline with { Disturbance = disturbance });
        var json = CaseJson.Write(written);
        Assert.Contains($"\"disturbed\": {expected}", json);
        Assert.Equal(written, CaseJson.Read(json));
        Assert.DoesNotContain("disturbed", CaseJson.Write(written with { Plan = ExecutionPlan.Baseline }));
        Assert.Throws<InvalidDataException>(() => CaseJson.Read(json.Replace(expected, "[\"rain\"]", StringComparison.Ordinal)));
        Assert.Throws<InvalidDataException>(() => CaseJson.Read(json.Replace(expected, "[]", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_case_says_what_it_is_compiled_with()
    {
        var alone = new Case(Samples.Full, new Cell(Route.Thunk, OptimizeMode.Debug, Backend.Llvm), ExecutionPlan.Baseline);
        var written = alone with { Company = [Program(Fallible(0)), Samples.Full] };
        var json = CaseJson.Write(written);
        Assert.Equal(written, CaseJson.Read(json));
        Assert.DoesNotContain("company", CaseJson.Write(alone));
        Assert.Contains("1 to 16 programs", Assert.Throws<InvalidDataException>(
            () => CaseJson.Read(CaseJson.Write(alone with { Company = [.. Enumerable.Repeat(Program(Fallible(0)), Case.MaxCompany + 1)] }))).Message);
        Assert.Contains("1 to 16 programs", Assert.Throws<InvalidDataException>(() => CaseJson.Read(WithoutItems(json))).Message);

        static string WithoutItems(string json)
        {
            var node = System.Text.Json.Nodes.JsonNode.Parse(json)!;
            node["company"] = new System.Text.Json.Nodes.JsonArray();
            return node.ToJsonString();
        }
    }

    [Fact]
    public void The_form_on_disk_is_stable() => Assert.Equal(
        """
        {
         "format": "fiber-program 1",
         "mutexes": 0,
         "fibers": [{"function": 0, "arguments": [], "fuel": 0, "startsAtLaunch": true}],
         "functions": [
          {
           "id": 0,
           "kind": "plain",
           "errors": ["NotFound", "Refused", "Broken"],
           "payload": {"type": "vector", "lanes": 3, "element": "u7"},
           "parameters": [],
           "noInline": true,
           "body": [
            {"do": "defer", "body": [{"do": "log", "site": 1, "value": {"add": [18446744073709551615, {"fold": 0}]}}]},
            {"do": "raise", "site": 2, "error": "Broken"}
           ]
          }
         ]
        }

        """,
        ProgramJson.Write(Program(Fallible(
            0,
            new ZigType.Vector(3, new ZigType.Int(7, false)),
            Defer(Log(1, new Scalar.Add(C(ulong.MaxValue), Fold(0)))),
            Raise(2, ErrorName.Broken)))));

    [Theory]
    [InlineData("\"fiber-program 1\"", "\"fiber-program 2\"", "program: format \"fiber-program 2\" is not \"fiber-program 1\"")]
    [InlineData("\"format\":", "\"former\":", "program: property \"format\" is missing")]
    [InlineData("\"do\": \"raise\"", "\"do\": \"rise\"", "unknown statement kind \"rise\"")]
    [InlineData("\"do\": \"raise\", ", "", "property \"do\" is missing")]
    [InlineData("\"mutexes\": 2", "\"mutexes\": \"2\"", "program.mutexes: a number from 0 to 1000000 is expected")]
    [InlineData("\"mutexes\": 2", "\"mutexes\": 2.5", "program.mutexes: a number from 0 to 1000000 is expected")]
    [InlineData("\"mutexes\": 2", "\"mutexes\": 2, \"mutexes\": 2", "program: not JSON: ")]
    [InlineData("\"mutexes\": 2", "\"mutexes\": 2, \"extra\": 2", "program: unknown property \"extra\"")]
    [InlineData("\"u64\"", "\"u064\"", "unknown type \"u064\"")]
    [InlineData("\"u64\"", "\"u257\"", "unknown type \"u257\"")]
    [InlineData("\"f80\"", "\"f81\"", "unknown type \"f81\"")]
    [InlineData("18446744073709551615", "18446744073709551616", "program.fibers[0].arguments[0]: a number from 0 to 2^64 - 1")]
    [InlineData("18446744073709551615", "-1", "program.fibers[0].arguments[0]: a number from 0 to 2^64 - 1")]
    [InlineData("\"NotFound\"", "\"notfound\"", "\"notfound\" is not one of None, NotFound, ")]
    [InlineData("\"NotFound\"", "\"\\ud800\"", "program: not readable text: ")]
    [InlineData("\"NotFound\"", "\"a\\nb\"", "\"a?b\" is not one of")]
    [InlineData("\"try\"", "\"tri\"", "unknown handling \"tri\"")]
    [InlineData("{\"on\": \"rethrow\"", "{\"on\": \"reject\"", "unknown handling \"reject\"")]
    [InlineData("{\"index\": 10}", "{\"indices\": 10}", "unknown scalar \"indices\"")]
    [InlineData("{\"index\": 10}", "{}", "an object of one property is expected")]
    [InlineData("{\"index\": 10}", "null", "a number from 0 to 2^64 - 1, or an object, is expected")]
    public void A_document_of_another_form_is_refused_with_the_place_in_one_line(string old, string changed, string message)
    {
        var json = ProgramJson.Write(Samples.Full);
        var at = json.IndexOf(old, StringComparison.Ordinal);
        Assert.True(at >= 0, $"the sample has no {old}");
        var corrupt = json[..at] + changed + json[(at + old.Length)..];
        var refusal = Assert.Throws<InvalidDataException>(() => ProgramJson.Read(corrupt));
        Assert.Contains(message, refusal.Message);
        Assert.DoesNotContain('\n', refusal.Message);
    }

    [Fact]
    public void Long_and_deep_documents_are_refused()
    {
        Assert.Contains(
            "longer than", Assert.Throws<InvalidDataException>(() => ProgramJson.Read(new string(' ', 5_000_000))).Message);
        var deep = new string('[', 100_000) + new string(']', 100_000);
        Assert.Contains("not JSON", Assert.Throws<InvalidDataException>(() => ProgramJson.Read(deep)).Message);
        Assert.Contains("not JSON", Assert.Throws<InvalidDataException>(() => CaseJson.Read("")).Message);
        Assert.Throws<InvalidDataException>(() => CaseJson.Read("\ud800"));
        Assert.Throws<InvalidDataException>(() => CaseJson.Read("null"));
    }

    [Fact]
    public void The_deepest_well_formed_program_reads_back()
    {
        Statement nested = Log(1, Enumerable.Range(0, ProgramLimits.MaxScalarNesting).Aggregate(C(1), (sum, _) => new Scalar.Add(C(1), sum)));
        for (var i = 0; i < ProgramLimits.MaxNesting - 1; i++)
        {
            nested = i % 2 == 0 ? Block(nested) : Call(i + 2, 1, CatchBlock(i + 100, nested));
        }

        var program = Program(Fallible(0, nested), Fallible(1));
        Assert.Empty(Validator.Check(program));
        Assert.Equal(program, ProgramJson.Read(ProgramJson.Write(program)));
        Assert.Contains("nest deeper", Assert.Single(Validator.Check(Program(Fallible(0, Block(nested)), Fallible(1)))));
    }

    [Fact]
    public void Corrupted_documents_are_read_or_refused_and_what_is_read_can_be_checked_and_run()
    {
        var original = Encoding.UTF8.GetBytes(CaseJson.Write(
            new(Samples.Full, new(Route.Attribute, OptimizeMode.Debug, Backend.Llvm), ExecutionPlan.Baseline)));
        var refused = 0;
        for (var seed = 0UL; seed < 6_000; seed++)
        {
            var text = Encoding.UTF8.GetString(Corrupt(original, seed * 1_000));
            try
            {
                var program = CaseJson.Read(text).Program;
                if (Validator.Check(program).Count == 0)
                {
                    Interpreter.Run(program, NoFault, Schedule.Fifo, Kept.Counts);
                }
            }
            catch (InvalidDataException refusal)
            {
                Assert.DoesNotContain('\n', refusal.Message);
                refused++;
            }
        }

        Assert.InRange(refused, 3_000, 5_990);
    }

    /// <summary>One to four edits: a byte changed, a stretch removed, doubled or replaced by another.</summary>
    private static byte[] Corrupt(byte[] original, ulong seed)
    {
        var bytes = original.ToList();
        var edits = (Next() % 4) + 1;
        for (var i = 0; i < edits; i++)
        {
            var at = Next() % bytes.Count;
            var length = Math.Min(Next() % 12, bytes.Count - at);
            var from = Next() % (bytes.Count - length);
            var stretch = bytes.GetRange(from, length);
            switch (Next() % 5)
            {
                case 0:
                    bytes[at] = (byte)Next();
                    break;
                case 1:
                    bytes[at] = (byte)('0' + (Next() % 10));
                    break;
                case 2:
                    bytes.RemoveRange(at, length);
                    break;
                case 3:
                    bytes.InsertRange(at, stretch);
                    break;
                default:
                    bytes.RemoveRange(at, length);
                    bytes.InsertRange(at, stretch);
                    break;
            }
        }

        return [.. bytes];

        int Next() => (int)(Values.Mix(seed++) >> 33);
    }

    private static IEnumerable<string> Kinds<T>() =>
        typeof(T).GetNestedTypes().Where(type => type.IsSubclassOf(typeof(T))).Select(type => type.Name).Order();

    private static IEnumerable<string> Names<T>(IEnumerable<T> nodes)
        where T : class => nodes.Select(node => node.GetType().Name).Distinct().Order();
}
