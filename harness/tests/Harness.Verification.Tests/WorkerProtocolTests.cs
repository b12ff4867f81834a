using System.Text;
using Harness.Execution;
using Harness.Model;

namespace Harness.Verification.Tests;

public class WorkerProtocolTests
{
    private static WorkerMessage? Parse(string line) => WorkerLine.Parse(line);

    [Fact]
    public void Reads_every_kind_of_line()
    {
        WorkerMessage[] expected =
        [
            new WorkerMessage.Ready(2, 30, new(0x10, 0x2f), new(0x30, 0x40), new(0x50, 0x60)),
            new WorkerMessage.Chain(7, ChainEnd.Clean, [0xabcUL, 0x1UL]),
            new WorkerMessage.Chain(8, ChainEnd.Limit, []),
            new WorkerMessage.Probe(3, 1, -1, 0, Observer.Dwarf, 7, 2, 2),
            new WorkerMessage.Probes(new WorkerMessage.Probe(3, 1, 14, 1, Observer.FramePointers, 8, 1, 1)),
            new WorkerMessage.Errors(3, 1, 14, 2, true, 41, 7, 0),
            new WorkerMessage.Errors(3, 1, -1, 3, false, 0, 8, 0x1f),
            new WorkerMessage.Stack(
                3, 1, 14, 2, StackMoment.Probe, 9, 300, 0xff0,
                [new SentFrame(2, 0x11, 0x1000), new SentFrame(1, 0x12, 0)], [new SentSegment(2, 0xf00, 0x1100), new SentSegment(1, 0x2000, 0x3000)])
            {
                Registers = [new SentRegister(6, 0xff8), new SentRegister(16, 0x11)], MemoryLeft = 24,
                Memory = [new SentMemory(0xff0, [0x0a, 0xff]), new SentMemory(0x2000, [0])],
            },
            new WorkerMessage.Stack(3, 0, -1, 0, StackMoment.Crash, 0, 0, 0, [], []),
            new WorkerMessage.Opinion(3, 1, 14, 2, UnwindTool.Nongnu, 7, 2),
            new WorkerMessage.Fail(3, "trace-fp", 0, "1f", "2e", "differs from row=9 here"),
            new WorkerMessage.Overflow(4, 0xdeadbeef, [new Delivery(3, ErrorName.StackOverflow), new Delivery(9, ErrorName.StackOverflow)]),
            new WorkerMessage.Overflow(5, 0, []),
            new WorkerMessage.Again(4, 17),
            new WorkerMessage.Logged(3, 0, new Event(EventKind.Acquired, 12, ulong.MaxValue)),
            new WorkerMessage.Delivered(3, new Delivery(8, ErrorName.Canceled)),
            new WorkerMessage.ProgramDone(1, 9, new Counters(1, 9, 8, 7, 6, 5, 4, 3), TimeSpan.FromMilliseconds(2)),
            new WorkerMessage.Disturbed(new Arrivals(70, 6, 5, 35, 12)),
            new WorkerMessage.Opinions(9, 0, 8),
            new WorkerMessage.Done(30),
        ];
        string[] lines =
        [
            "#hs ready programs=2 rows=30 stub=10-2f entry=30-40 bridge=50-60",
            "#hs chain id=7 end=clean addrs=abc,1",
            "#hs chain id=8 end=limit addrs=",
            "#hs probe row=3 fiber=1 site=-1 ordinal=0 observer=dwarf chain=7 stubs=2 segments=2",
            "#hs probes row=3 fiber=1 site=14 ordinal=1 chain=8 stubs=1 segments=1",
            "#hs errors row=3 fiber=1 site=14 ordinal=2 kept=1 index=41 chain=7 caller=0",
            "#hs errors row=3 fiber=1 site=-1 ordinal=3 kept=0 index=0 chain=8 caller=1f",
            "#hs stack row=3 fiber=1 site=14 ordinal=2 why=probe entry=9 depth=300 rsp=ff0 frames=2:11:1000,1:12:0 segments=2:f00:1100,1:2000:3000 registers=6:ff8,16:11 memory=ff0:0aff,2000:00 left=24",
            "#hs stack row=3 fiber=0 site=-1 ordinal=0 why=crash entry=0 depth=0 rsp=0 frames= segments= registers= memory= left=0",
            "#hs opinion row=3 fiber=1 site=14 ordinal=2 tool=nongnu chain=7 stubs=2",
            "#hs fail row=3 check=trace-fp fiber=0 expected=1f observed=2e detail=differs from row=9 here",
            "#hs overflow row=4 digest=deadbeef deliveries=3:102,9:102",
            "#hs overflow row=5 digest=0 deliveries=",
            "#hs again row=4 times=17",
            "#hs event row=3 fiber=0 kind=5 a=12 b=18446744073709551615",
            "#hs delivered row=3 entry=8 error=101",
            "#hs program index=1 rows=9 executions=9 splits=8 faults=7 probes=6 frames=5 acquired=4 released=3 nanoseconds=2000000",
            "#hs disturbed signals=70 stubs=6 moves=5 handlers=35 told=12",
            "#hs opinions libgcc=9 llvm=0 nongnu=8",
            "#hs done rows=30",
        ];
        Assert.Equal(expected, lines.Select(Parse));
    }

    [Theory]
    [InlineData("")]
    [InlineData("#h")]
    [InlineData("#hs")]
    [InlineData(" #hs done rows=1")]
    [InlineData("done")]
    public void Other_lines_are_noise(string line) => Assert.Null(Parse(line));

    [Theory]
    [InlineData("#hs ")]
    [InlineData("#hs done")]
    [InlineData("#hs done rows=")]
    [InlineData("#hs done rows=-1")]
    [InlineData("#hs done rows=2147483648")]
    [InlineData("#hs done xrows=1")]
    [InlineData("#hs chain id=1 end=fine addrs=1")]
    [InlineData("#hs chain id=1 end=clean addrs=1,,2")]
    [InlineData("#hs chain id=1 end=clean addrs=10000000000000000")]
    [InlineData("#hs ready programs=1 rows=1 stub=20-10 entry=1-2 bridge=1-2")]
    [InlineData("#hs event row=1 fiber=0 kind=99 a=0 b=0")]
    [InlineData("#hs event row=1 fiber=0 kind=5 a=4294967296 b=0")]
    [InlineData("#hs delivered row=1 entry=0 error=55")]
    [InlineData("#hs overflow row=1 digest=1 deliveries=1:2:3")]
    [InlineData("#hs again row=1 times=-1")]
    [InlineData("#hs fail row=1 check=../evil fiber=0 expected=1 observed=2 detail=")]
    [InlineData("#hs stack row=1 fiber=0 site=1 ordinal=0 why=fun entry=0 depth=0 rsp=0 frames= segments=")]
    [InlineData("#hs stack row=1 fiber=0 site=1 ordinal=0 why=probe entry=0 depth=0 rsp=0 frames=1:2 segments=")]
    [InlineData("#hs stack row=1 fiber=0 site=1 ordinal=0 why=probe entry=0 depth=0 rsp=0 frames=1:2:3:4 segments=")]
    [InlineData("#hs stack row=1 fiber=0 site=1 ordinal=0 why=probe entry=0 depth=0 rsp=0 frames= segments=1:2:g")]
    [InlineData("#hs stack row=1 fiber=0 site=1 ordinal=0 why=probe entry=0 depth=0 rsp=0 frames= segments= registers=6 memory= left=0")]
    [InlineData("#hs stack row=1 fiber=0 site=1 ordinal=0 why=probe entry=0 depth=0 rsp=0 frames= segments= registers= memory=10:abc left=0")]
    [InlineData("#hs stack row=1 fiber=0 site=1 ordinal=0 why=probe entry=0 depth=0 rsp=0 frames= segments= registers= memory=10:zz left=0")]
    [InlineData("#hs opinion row=1 fiber=0 site=1 ordinal=0 tool=mine chain=0 stubs=0")]
    [InlineData("#hs probes row=1 fiber=0 site=1 ordinal=0 stubs=0 segments=0")]
    [InlineData("#hs probe row=1 fiber=0 site=-2 ordinal=0 observer=fp chain=0 stubs=0 segments=0")]
    public void Rejects_what_does_not_parse(string line) => Assert.IsType<WorkerMessage.Malformed>(Parse(line));

    [Fact]
    public void Garbage_never_throws()
    {
        var random = new PlanRandom(42);
        string[] seeds =
        [
            "#hs ready programs=2 rows=30 stub=10-2f entry=30-40 bridge=50-60",
            "#hs chain id=7 end=clean addrs=abc,1,ffff,ffffffffffffffff",
            "#hs probe row=3 fiber=1 site=-1 ordinal=0 observer=dwarf chain=7 stubs=2 segments=2",
            "#hs fail row=3 check=trace-fp fiber=0 expected=1f observed=2e detail=differs",
            "#hs stack row=3 fiber=1 site=14 ordinal=2 why=probe entry=9 depth=300 rsp=ff0 frames=2:11:1000,1:12:0 segments=2:f00:1100,1:2000:3000 registers=6:ff8,16:11 memory=ff0:0aff,2000:00 left=24",
            "#hs overflow row=4 digest=deadbeef deliveries=3:102,9:102",
            "#hs event row=3 fiber=0 kind=5 a=12 b=18446744073709551615",
        ];
        for (var i = 0; i < 20_000; i++)
        {
            var text = new StringBuilder(seeds[random.Below(seeds.Length)]);
            for (var edits = random.Below(6); edits >= 0 && text.Length > 0; edits--)
            {
                switch (random.Below(3))
                {
                    case 0: text[random.Below(text.Length)] = (char)random.Below(random.Below(2) == 0 ? 128 : 65536); break;
                    case 1: text.Remove(random.Below(text.Length), 1); break;
                    default: text.Insert(random.Below(text.Length), "=,:- #9f"[random.Below(8)]); break;
                }
            }

            Parse(text.ToString());
            Parse("#hs " + text);
        }
    }

    [Fact]
    public void A_plan_reads_back_as_it_was_written()
    {
        var unit = UnitPlan.Join([
            new PlanBuilder(PlanOptions.Default).Build(Samples.Nested(fibers: 3), 4, 1),
            new PlanBuilder(PlanOptions.Default).Build(Samples.Recursive(9), 7, 1)]);
        var bytes = PlanFile.ToBytes(unit.Worker);
        var read = PlanFile.FromBytes(bytes);
        Assert.Equal(unit.Worker.Programs, read.Programs);
        Assert.Equal(unit.Worker.Scenarios, read.Scenarios);
        Assert.Equal(unit.Worker.Rows, read.Rows);
        Assert.Equal(bytes, PlanFile.ToBytes(read));
    }

    [Fact]
    public void A_plan_has_the_sizes_and_places_of_the_protocol()
    {
        var program = new PlanProgram(2, 1, 3, 4, [5u], 6, 7);
        var scenario = new PlanScenario(0, FaultCode.Panic, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, ScenarioFlags.Persistent) { Death = Death.Handler };
        var row = new PlanRow(0, SplitKind.EntrySet, Placement.Interleaved, ReleasePolicy.Unmap, RowFlags.Record, 18, 19);
        var bytes = PlanFile.ToBytes(new WorkerPlan([program], [scenario], [row]));
        Assert.Equal(32 + 64 + 80 + 24, bytes.Length);
        Assert.Equal("HSPLAN01", Encoding.ASCII.GetString(bytes, 0, 8));
        (int Offset, byte Value)[] expected =
        [
            (8, 1), (12, 1), (16, 1), // counts
            (32, 2), (36, 1), (40, 3), (44, 4), (48, 5), (80, 6), (84, 7), // program
            (96, 0), (100, 2), (104, 8), (108, 9), (112, 10), (120, 11), (128, 12), (136, 13), (140, 14),
            (144, 15), (148, 16), (152, 17), (156, 2), (168, 5),
            (176, 0), (180, 9), (181, 2), (182, 2), (183, 4), (184, 18), (192, 19), // row
        ];
        Assert.All(expected, e => Assert.Equal(e.Value, bytes[e.Offset]));
        Assert.Equal(scenario, PlanFile.FromBytes(bytes).Scenarios[0]);
    }

    [Fact]
    public void A_damaged_plan_is_invalid_data()
    {
        var bytes = PlanFile.ToBytes(FakeWorker.PlanOf([2, 2], [1]));
        var random = new PlanRandom(7);
        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.Throws<InvalidDataException>(() => PlanFile.FromBytes(bytes.AsSpan(0, length)));
        }

        for (var i = 0; i < 5000; i++)
        {
            var copy = bytes.ToArray();
            copy[random.Below(copy.Length)] ^= (byte)(1 << random.Below(8));
            try
            {
                PlanFile.FromBytes(copy);
            }
            catch (InvalidDataException)
            {
                // The only exception allowed.
            }
        }
    }

    [Fact]
    public void A_status_page_is_read_field_by_field()
    {
        var bytes = new byte[112];
        "HSSTAT01"u8.CopyTo(bytes);
        for (var offset = 24; offset < 80; offset += 8)
        {
            bytes[offset] = (byte)offset;
        }

        (bytes[8], bytes[12], bytes[16], bytes[80], bytes[84], bytes[88], bytes[96], bytes[104]) = (5, 1, 6, 7, 11, 9, 10, 12);
        Assert.Equal(
            new StatusPage(5, WorkerPhase.RunningRow, 6, new Counters(0, 24, 32, 40, 48, 56, 64, 72), 7, 11, 9, 10) { PlantedReached = 12 },
            StatusPage.Parse(bytes));
        bytes[0] = 0;
        Assert.Null(StatusPage.Parse(bytes));
        Assert.Null(StatusPage.Parse(bytes.AsSpan(0, 50)));
    }
}
