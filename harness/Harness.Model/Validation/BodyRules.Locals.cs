namespace Harness.Model;

/// <summary>Locals, scalars and conditions.</summary>
internal sealed partial class BodyRules
{
    private void Declare(int index, Local local)
    {
        Require(index >= 0, $"local {index} is negative");
        Require(_declared.Add(index), $"local {index} is declared twice");
        _scopes[^1][index] = local;
    }

    /// <summary>A local in scope; null, and a message, when there is none.</summary>
    private Local? Find(int index)
    {
        for (var i = _scopes.Count - 1; i >= 0; i--)
        {
            if (_scopes[i].TryGetValue(index, out var local))
            {
                return local;
            }
        }

        Require(false, $"local {index} is not in scope");
        return null;
    }

    private void RequireKind(int index, string what, params ReadOnlySpan<LocalKind> kinds)
    {
        if (Find(index) is { } local)
        {
            Require(kinds.Contains(local.Kind), $"local {index} is not {what}");
        }
    }

    private void CheckScalar(Scalar scalar, int depth = 0)
    {
        switch (scalar)
        {
            case Scalar.Fold fold when Find(fold.Local) is { } local:
                Require(local.Kind is not LocalKind.Buffer, $"local {fold.Local}, a buffer, cannot be folded");
                Require(local.Kind is not LocalKind.Index, $"local {fold.Local}, a loop's index, is read by LoopIndex");
                break;
            case Scalar.LoopIndex index when Find(index.Local) is { } local:
                Require(local.Kind is LocalKind.Index, $"local {index.Local} is not the index of a loop");
                break;
            case Scalar.Add when depth == ProgramLimits.MaxScalarNesting:
                Require(false, $"scalars nest deeper than {ProgramLimits.MaxScalarNesting}");
                break;
            case Scalar.Add sum:
                CheckScalar(sum.Left, depth + 1);
                CheckScalar(sum.Right, depth + 1);
                break;
            default:
                break;
        }
    }

    private void CheckCondition(Condition condition)
    {
        CheckScalar(condition.Value);
        Require(condition.Modulus is >= 1 and <= 64, $"modulus {condition.Modulus} (1 to 64)");
        Require(condition.Remainder >= 0 && condition.Remainder < condition.Modulus,
            $"remainder {condition.Remainder} of modulus {condition.Modulus}");
    }

    private void RequireFiber(int fiber) => Require(fiber >= 0 && fiber < program.Fibers.Count, $"no fiber {fiber}");

    private void RequireFallible(string what) => Require(function.IsFallible, $"{what} in an infallible function");

    private void Refuse(string? fault) => Require(fault is null, fault ?? "");

    private void Require(bool holds, string message)
    {
        if (!holds)
        {
            faults.Add($"{_where}: {message}");
        }
    }
}
