namespace Harness.Model;

/// <summary>Calls, arguments and handlings.</summary>
internal sealed partial class BodyRules
{
    private void Call(Statement.Call call, Place place)
    {
        var callee = program.Functions[call.Function];
        CheckForm(call.Form, callee);
        CheckBackEdge(callee, place);
        var framed = Arguments(call.Arguments, callee);
        CheckHandling(call.Handling, callee, place);
        Require(call.Result >= 0 ? callee.Payload is not ZigType.Void : callee.Payload is not ZigType.Handle,
            call.Result >= 0 ? "binds a void result" : "discards a handle");

        var result = new Local(
            callee.Payload is ZigType.Handle ? LocalKind.Handle : LocalKind.Value,
            callee.Payload,
            Framed: framed && callee.Payload is ZigType.Slice);
        var bind = () =>
        {
            if (call.Result >= 0)
            {
                Declare(call.Result, result);
            }
        };
        Handle(call, place, bind);
    }

    /// <summary>The bodies of a handling, and the scope in which the result is bound.</summary>
    private void Handle(Statement.Call call, Place place, Action bind)
    {
        switch (call.Handling)
        {
            case Handling.IfElse branch:
                var where = _where;
                Body(branch.Then, place, bind);
                Body(branch.Else, place);
                _where = where;
                return;
            case Handling.CatchBlock block:
                CheckScalar(block.Fallback);
                Body(block.Body, place);
                break;
            case Handling.CatchSwitch choice:
                CheckScalar(choice.Fallback);
                CheckCases(choice, program.Functions[call.Function]);
                foreach (var body in StatementTree.Bodies(choice))
                {
                    Body(body, place);
                }

                break;
            case Handling.CatchValue value:
                CheckScalar(value.Fallback);
                break;
            default:
                break;
        }

        _where = $"function {function.Id}, site {call.Site}";
        bind();
    }

    private void TailCall(Statement.TailCall call, Place place)
    {
        var callee = program.Functions[call.Function];
        Require(!place.InDefer, "a tail call inside a defer");
        Require(!place.DeferPending, "a tail call with a defer pending");
        Require(callee.Kind is not FunctionKind.Callback, "a callback is only called by form Callback");
        Require(callee.Payload == function.Payload, "a tail call to a function of another payload type");
        Require(!callee.IsFallible || function.IsFallible, "a tail call to a fallible function in an infallible one");
        CheckContained(callee, "a tail call");
        CheckBackEdge(callee, place);
        Require(!Arguments(call.Arguments, callee), "a tail call's argument points into the frame");
    }

    private void CheckForm(CallForm form, Function callee)
    {
        Require((form is CallForm.Callback) == (callee.Kind is FunctionKind.Callback),
            "form Callback and callbacks go together");
        Require(form is not CallForm.Pointer || callee.Kind is FunctionKind.Plain,
            "a generic function or method cannot be called by pointer");
        Require(form is not CallForm.Pointer || callee.Errors is not ErrorSet.Inferred,
            "a function with an inferred error set cannot be called by pointer");
    }

    private void CheckBackEdge(Function callee, Place place) =>
        Require(callee.Id > function.Id || place.InFuel, $"calls function {callee.Id}, a back edge, outside an IfFuel");

    private void CheckHandling(Handling handling, Function callee, Place place)
    {
        Require(handling is Handling.Plain ? !callee.IsFallible : callee.IsFallible,
            callee.IsFallible ? "a fallible callee needs a handling" : "an infallible callee is called plainly");
        Require(callee.Payload is not ZigType.Handle
            || handling is Handling.Try or Handling.Map or Handling.Rethrow or Handling.IfElse or Handling.Plain,
            "a handle has no fallback");
        if (handling is Handling.Try or Handling.Map or Handling.Rethrow)
        {
            Require(!place.InDefer, "an error leaves a defer");
            RequireFallible("returning an error");
        }

        if (handling is Handling.Try or Handling.Rethrow)
        {
            CheckContained(callee, handling is Handling.Try ? "a try" : "a rethrow");
        }
        else if (handling is Handling.Map map)
        {
            CheckRaised(map.To);
        }
    }

    private void CheckCases(Handling.CatchSwitch choice, Function callee)
    {
        var listed = choice.Cases.Select(prong => prong.Error).ToArray();
        Require(listed.Distinct().Count() == listed.Length, "a switch names an error twice");
        foreach (var error in listed)
        {
            Require(ErrorNames.IsUser(error) && errors[callee.Id].Contains(error),
                $"a switch on {error}, which function {callee.Id} cannot return");
        }
    }

    /// <summary>Errors of the callee become errors of this function. (An inferred set takes them all in.)</summary>
    private void CheckContained(Function callee, string what) => Require(
        function.Errors is ErrorSet.Inferred || errors[function.Id].Contains(errors[callee.Id]),
        $"{what} of function {callee.Id}, whose error set is not contained in this function's");

    private void CheckRaised(ErrorName error)
    {
        Require(ErrorNames.IsUser(error), $"raises {error}, which is not the program's to raise");
        Require(function.Errors is ErrorSet.Inferred || errors[function.Id].Contains(error),
            $"raises {error}, which is not in the function's error set");
    }

    /// <summary>Checks the arguments; true when one may point into this function's frame.</summary>
    private bool Arguments(EquatableArray<Argument> arguments, Function callee)
    {
        Require(arguments.Count == callee.Parameters.Count,
            $"{arguments.Count} arguments for the {callee.Parameters.Count} parameters of function {callee.Id}");
        var framed = false;
        for (var i = 0; i < Math.Min(arguments.Count, callee.Parameters.Count); i++)
        {
            framed |= CheckArgument(arguments[i], callee.Parameters[i], i);
        }

        return framed;
    }

    private bool CheckArgument(Argument argument, ZigType type, int position)
    {
        if (argument is Argument.Made made)
        {
            CheckScalar(made.Seed);
            Require(type.IsMakeable, $"argument {position} is a {TypeRules.Name(type)}, which no seed makes");
            return false;
        }

        var index = ((Argument.Local)argument).Index;
        if (Find(index) is not { } local)
        {
            return false;
        }

        var fits = local.Kind switch
        {
            LocalKind.Cell or LocalKind.CellPointer => type is ZigType.CellPointer,
            LocalKind.Buffer => type is ZigType.Slice,
            LocalKind.Value => local.Type == type,
            _ => false,
        };
        Require(fits, $"argument {position}, local {index}, is not a {TypeRules.Name(type)}");
        return local.Kind is LocalKind.Cell or LocalKind.Buffer || local.Framed;
    }
}
