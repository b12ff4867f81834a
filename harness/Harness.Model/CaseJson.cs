using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Harness.Model;

/// <summary>A program with cell and plan, as versioned JSON: what a replay file holds.</summary>
public static class CaseJson
{
    /// <summary>The first property of every document.</summary>
    public const string Format = "fiber-case 1";

    private static readonly NameTable<Route> Routes = new();
    private static readonly NameTable<OptimizeMode> Modes = new(camel: false);
    private static readonly NameTable<Backend> Backends = new();
    private static readonly NameTable<SplitKind> Splits = new();
    private static readonly NameTable<Placement> Placements = new();
    private static readonly NameTable<ReleasePolicy> Policies = new();

    /// <summary>Of every document; one with a disturbance has <see cref="Disturbed"/> besides, and one with company <see cref="Company"/>.</summary>
    private static readonly string[] Properties =
        ["format", "cell", "fault", "schedule", "split", "placement", "release", "program"];

    private static readonly string[] CellProperties = ["route", "mode", "backend", "target"];

    private const string Disturbed = "disturbed";

    /// <summary>Of a case that has any.</summary>
    private const string Company = "company";

    /// <summary>Of a cell, where it is so.</summary>
    private const string Traced = "errorTracing";

    /// <summary>Of a cell of another runtime than ours.</summary>
    private const string Runtime = "runtime";
    private static readonly (Disturbance Flag, string Name)[] Disturbances =
        [(Disturbance.Signals, "signals"), (Disturbance.Threads, "threads"), (Disturbance.Stepped, "stepped")];

    public static string Write(Case @case) => JsonLayout.Render(Node(@case));

    private static JsonObject Node(Case @case)
    {
        var node = new JsonObject
        {
            ["format"] = Format,
            ["cell"] = Write(@case.Cell),
            ["fault"] = Write(@case.Plan.Fault),
            ["schedule"] = new JsonObject
            {
                ["seed"] = @case.Plan.Schedule.Seed,
                ["launchMask"] = @case.Plan.Schedule.LaunchMask,
            },
            ["split"] = new JsonObject
            {
                ["kind"] = Splits[@case.Plan.Split.Kind],
                ["a"] = @case.Plan.Split.A,
                ["b"] = @case.Plan.Split.B,
            },
            ["placement"] = Placements[@case.Plan.Placement],
            ["release"] = Policies[@case.Plan.Policy],
            ["program"] = ProgramJson.ToNode(@case.Program),
        };
        if (@case.Plan.Disturbance is not Disturbance.None)
        {
            var names = Disturbances.Where(d => @case.Plan.Disturbance.HasFlag(d.Flag)).Select(d => (JsonNode)d.Name);
            node[Disturbed] = new JsonArray([.. names]);
        }

        if (@case.Company.Count > 0)
        {
            node[Company] = new JsonArray([.. @case.Company.Select(ProgramJson.ToNode)]);
        }

        return node;
    }

    public static Case Read(string json) => JsonPart.Read(json, "case", part =>
    {
        part.RequireFormat(Format).Having([.. Properties, .. ((string[])[Disturbed, Company]).Where(part.Has)]);
        var plan = new ExecutionPlan(
            ReadFault(part["fault"]),
            ReadSchedule(part["schedule"].Having("seed", "launchMask")),
            ReadSplit(part["split"].Having("kind", "a", "b")),
            part["placement"].Named(Placements),
            part["release"].Named(Policies),
            part.Has(Disturbed) ? ReadDisturbances(part[Disturbed]) : Disturbance.None);
        return new Case(ProgramJson.FromPart(part["program"]), ReadCell(part["cell"]), plan)
        {
            Company = part.Has(Company) ? ReadCompany(part[Company]) : [],
        };
    });

    private static EquatableArray<FiberProgram> ReadCompany(JsonPart part)
    {
        var company = part.List(ProgramJson.FromPart);
        return company.Count is > 0 and <= Case.MaxCompany ? company : throw part.Wrong($"1 to {Case.MaxCompany} programs are expected");
    }

    private static JsonObject Write(Cell cell)
    {
        var node = new JsonObject
        {
            ["route"] = Routes[cell.Route],
            ["mode"] = Modes[cell.Mode],
            ["backend"] = Backends[cell.Backend],
            ["target"] = cell.Target,
        };
        if (cell.ErrorTracing)
        {
            node[Traced] = true;
        }

        if (cell.Runtime is { } runtime)
        {
            node[Runtime] = runtime;
        }

        return node;
    }

    private static Cell ReadCell(JsonPart part)
    {
        part.Having([.. CellProperties, .. ((string[])[Traced, Runtime]).Where(part.Has)]);
        return new(
            part["route"].Named(Routes),
            part["mode"].Named(Modes),
            part["backend"].Named(Backends),
            part["target"].Text())
        { ErrorTracing = part.Has(Traced) && part[Traced].Bool(), Runtime = part.Has(Runtime) ? part[Runtime].Text() : null };
    }

    private static Schedule ReadSchedule(JsonPart part) =>
        new(part["seed"].Word(), (uint)part["launchMask"].Integer(0, uint.MaxValue));

    private static SplitPlan ReadSplit(JsonPart part) =>
        new(part["kind"].Named(Splits), part["a"].Word(), part["b"].Word());

    private static JsonNode Write(FaultPlan fault) => fault switch
    {
        FaultPlan.None => "none",
        FaultPlan.ErrorAt error => new JsonObject
        {
            ["fault"] = "errorAt",
            ["entry"] = error.Entry,
            ["error"] = HandlingJson.Errors[error.Error],
            ["persistent"] = error.Persistent,
        },
        FaultPlan.PanicAt panic => new JsonObject { ["fault"] = "panicAt", ["entry"] = panic.Entry },
        FaultPlan.SegfaultAt segfault => new JsonObject { ["fault"] = "segfaultAt", ["entry"] = segfault.Entry },
        FaultPlan.StackBudget budget => new JsonObject { ["fault"] = "stackBudget", ["bytes"] = budget.Bytes },
        FaultPlan.SegmentAllocationFails fails => new JsonObject
        {
            ["fault"] = "segmentAllocationFails",
            ["nth"] = fails.Nth,
        },
        FaultPlan.Delivered delivered => new JsonObject
        {
            ["fault"] = "delivered",
            ["deliveries"] = new JsonArray([.. delivered.Deliveries.Select(Write)]),
        },
        _ => throw new UnreachableException(fault.GetType().Name),
    };

    private static JsonNode Write(Delivery delivery) => new JsonObject
    {
        ["entry"] = delivery.Entry,
        ["error"] = HandlingJson.Errors[delivery.Error],
    };

    private static Disturbance ReadDisturbances(JsonPart part)
    {
        var all = part.List(ReadDisturbance).AsSpan();
        var result = Disturbance.None;
        foreach (var disturbance in all)
        {
            result |= disturbance;
        }

        return result is Disturbance.None ? throw part.Wrong("a disturbance is expected") : result;
    }

    private static Disturbance ReadDisturbance(JsonPart part)
    {
        var name = part.Text();
        return Array.Find(Disturbances, d => d.Name == name) is { Name: not null } found
            ? found.Flag
            : throw part.Wrong($"unknown disturbance \"{JsonPart.Shown(name)}\"");
    }

    private static FaultPlan ReadFault(JsonPart part)
    {
        if (part.TryText(out var word))
        {
            return word == "none"
                ? new FaultPlan.None()
                : throw part.Wrong($"unknown fault \"{JsonPart.Shown(word)}\"");
        }

        return part["fault"].Text() switch
        {
            "errorAt" => new FaultPlan.ErrorAt(
                part.Having("fault", "entry", "error", "persistent")["entry"].Int(),
                part["error"].Named(HandlingJson.Errors),
                part["persistent"].Bool()),
            "panicAt" => new FaultPlan.PanicAt(part.Having("fault", "entry")["entry"].Int()),
            "segfaultAt" => new FaultPlan.SegfaultAt(part.Having("fault", "entry")["entry"].Int()),
            "stackBudget" => new FaultPlan.StackBudget(
                part.Having("fault", "bytes")["bytes"].Integer(0, long.MaxValue)),
            "segmentAllocationFails" => new FaultPlan.SegmentAllocationFails(part.Having("fault", "nth")["nth"].Int()),
            "delivered" => new FaultPlan.Delivered(
                part.Having("fault", "deliveries")["deliveries"].List(ReadDelivery)),
            var other => throw part.Wrong($"unknown fault \"{JsonPart.Shown(other)}\""),
        };
    }

    private static Delivery ReadDelivery(JsonPart part)
    {
        part.Having("entry", "error");
        return new(part["entry"].Int(), part["error"].Named(HandlingJson.Errors));
    }
}
