namespace Harness.Binary.StackUse;

/// <summary>What a called function is to its caller's walk.</summary>
internal enum CallRole
{
    Plain,
    LlvmMorestack,
    SizedMorestack,
    Probe,
}

/// <summary>The addresses that mean something to a walk.</summary>
internal sealed class Landmarks
{
    private readonly CodeImage _image;
    private readonly StackRules _rules;
    private readonly Dictionary<ulong, CallRole> _roles = [];
    private readonly Dictionary<ulong, Checkpoint?> _checkpoints = [];
    private readonly Dictionary<ulong, (bool GivesError, bool KeepsVariables)> _natures = [];

    public Landmarks(CodeImage image, StackRules rules)
    {
        (_image, _rules) = (image, rules);
        Mark(rules.LlvmMorestack, CallRole.LlvmMorestack);
        Mark(rules.SizedMorestack, CallRole.SizedMorestack);
        foreach (var probe in rules.Probes)
        {
            Mark(probe, CallRole.Probe);
        }
    }

    public CallRole RoleOf(ulong target) =>
        _roles.TryGetValue(target, out var role) ? role
        : _image.Containing(target) is not null || _image.External(target) is not { } name ? CallRole.Plain
        : name == _rules.LlvmMorestack ? CallRole.LlvmMorestack
        : name == _rules.SizedMorestack ? CallRole.SizedMorestack
        : _rules.Probes.Contains(name) ? CallRole.Probe
        : CallRole.Plain;

    /// <summary>Whether a call is one of a checkpoint that tells of the error that is pending.</summary>
    /// <param name="argument">Its first argument, where it is known.</param>
    public bool Reports(ulong target, long? argument)
    {
        if (!_checkpoints.TryGetValue(target, out var rule))
        {
            var name = NameAt(target);
            _checkpoints[target] = rule = _rules.Checkpoints.FirstOrDefault(c => c.Name == name);
        }

        return rule is not null && (rule.SilentBit is not { } bit || (argument is { } a && (a >> bit & 1) == 0));
    }

    /// <summary>Whether a call is one of a function that gives nothing but errors.</summary>
    public bool GivesError(ulong target) => NatureOf(target).GivesError;

    /// <summary>Whether a call is one of a function that leaves its caller's variables alone.</summary>
    public bool KeepsVariables(ulong target) => NatureOf(target).KeepsVariables;

    private (bool GivesError, bool KeepsVariables) NatureOf(ulong target)
    {
        if (!_natures.TryGetValue(target, out var nature))
        {
            _natures[target] = nature = (IsOneOf(_rules.GivingErrors, target), IsOneOf(_rules.KeepingVariables, target));
        }

        return nature;
    }

    private bool IsOneOf(IReadOnlyList<NamedRule> rules, ulong target)
    {
        var name = NameAt(target);
        var own = name.StartsWith(ThunkCode.SymbolPrefix, StringComparison.Ordinal) ? name[ThunkCode.SymbolPrefix.Length..] : name;
        return own.Length > 0 && rules.Any(rule => rule.Fits(own));
    }

    private string NameAt(ulong target) =>
        _image.Containing(target) is { } function ? function.Start == target ? function.Name : "" : _image.External(target) ?? "";

    /// <summary>A near return is what stands there.</summary>
    public bool IsReturn(ulong address) => _image.Bytes(address, 1, codeOnly: true) is [0xc3];

    public (ExitKind Kind, ulong Target, string Name) Target(ulong address) =>
        _image.Containing(address) is { } function
            ? (ExitKind.Direct, address, function.Start == address ? function.Name : Place(address))
            : (ExitKind.External, 0, _image.External(address) ?? $"0x{address:x}, where no function is");

    /// <param name="slot">The address of the word with the pointer; 0: not a constant.</param>
    public (ExitKind Kind, ulong Target, string Name) PointerTarget(long slot)
    {
        var address = (ulong)slot;
        return slot == 0 ? (ExitKind.Indirect, 0, "a pointer")
            : _image.ExternalIn(address) is { } name ? (ExitKind.External, 0, name)
            : _image.WordAt(address) is { } target && _image.IsConstant(address) && _image.Containing(target) is { } function && function.Start == target
                ? (ExitKind.Direct, target, function.Name)
            : (ExitKind.Indirect, 0, "a pointer");
    }

    public string Place(ulong address) =>
        _image.Containing(address) is { } function ? $"{function.Name}+0x{address - function.Start:x}" : $"0x{address:x}";

    private void Mark(string name, CallRole role)
    {
        foreach (var address in _image.Named(name))
        {
            _roles[address] = role;
        }
    }
}
