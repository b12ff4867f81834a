namespace Harness.Model;

/// <summary>What the fault plan does to an entry.</summary>
internal enum FaultAction : byte
{
    None,
    Error,
    Panic,
    Segfault,
}

/// <summary>A fault plan being followed along the entries of one run.</summary>
internal struct FaultCursor
{
    private readonly FaultAction _action;
    private readonly int _entry;
    private readonly bool _persistent;
    private readonly Dictionary<int, ErrorName>? _deliveries;
    private int _fiber;

    public FaultCursor(FaultPlan plan)
    {
        _fiber = -1;
        (_action, _entry) = plan switch
        {
            FaultPlan.ErrorAt fault => (FaultAction.Error, fault.Entry),
            FaultPlan.PanicAt fault => (FaultAction.Panic, fault.Entry),
            FaultPlan.SegfaultAt fault => (FaultAction.Segfault, fault.Entry),
            FaultPlan.None or FaultPlan.Delivered => (FaultAction.None, -1),
            _ => throw new ArgumentException($"the model cannot predict {plan}: run what was delivered", nameof(plan)),
        };
        if (plan is FaultPlan.ErrorAt error)
        {
            _persistent = error.Persistent;
            Error = (int)error.Error;
        }
        else if (plan is FaultPlan.Delivered delivered)
        {
            _deliveries = [];
            foreach (var delivery in delivered.Deliveries)
            {
                _deliveries[delivery.Entry] = delivery.Error;
            }
        }
    }

    /// <summary>The error that <see cref="FaultAction.Error"/> makes pending.</summary>
    public int Error { get; }

    public FaultAction Reach(int entry, int fiber)
    {
        if (entry == _entry)
        {
            _fiber = fiber;
            return _action;
        }

        return _persistent && fiber == _fiber ? FaultAction.Error : FaultAction.None;
    }

    /// <summary>The error that a <see cref="FaultPlan.Delivered"/> plan gives for the entry; 0: none.</summary>
    public readonly int Delivery(int entry) =>
        _deliveries is not null && _deliveries.TryGetValue(entry, out var error) ? (int)error : 0;
}
